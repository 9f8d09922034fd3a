//! Fewer and larger writes: HTTP/2 hands over, and flushes, 16 KiB at a time, and every write wakes the collector.
//!
//! What the connection writes is copied into a buffer. A task of its own takes it from there to the stream, as soon as the
//! connection has nothing more to do for now; where the stream is slower, the connection waits for room.
//!
//! ```text
//!  connection ── 16 KiB, 16 KiB, … ──► buffer ── all of it ──► stream
//!       ▲                                                        │
//!       └────────────────────────── reads ───────────────────────┘
//! ```

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::last_words::LastWords;

/// The connection waits when the buffer has as many.
const BYTES_MAX: usize = 256 * 1024;

/// The connection's end. Failures of writing come from reading, as [`LastWords`] has it.
pub(super) struct Gathered<S>(Arc<Mutex<Inner<S>>>);

struct Inner<S> {
    stream: LastWords<S>,
    buffer: Vec<u8>,
    /// How many of the buffer's bytes the stream has.
    written: usize,
    /// The stream keeps nothing back.
    is_flushed: bool,
    /// The connection is gone.
    is_closed: bool,
    /// The connection waits for room, or for the end of what it wrote.
    is_awaited: bool,
    connection: Option<Waker>,
    sending: Option<Waker>,
}

impl<S: AsyncWrite + Unpin> Gathered<S> {
    /// And what sends: somebody has to run it. It ends when the connection does.
    pub(super) fn of(stream: LastWords<S>) -> (Self, impl Future<Output = ()>) {
        let inner = Arc::new(Mutex::new(Inner {
            stream,
            buffer: Vec::new(),
            written: 0,
            is_flushed: true,
            is_closed: false,
            is_awaited: false,
            connection: None,
            sending: None,
        }));
        let sent = Arc::clone(&inner);
        (Self(inner), poll_fn(move |context| lock(&sent).send(context)))
    }
}

/// Nobody holds it longer than a write of the stream takes.
fn lock<S>(inner: &Mutex<Inner<S>>) -> MutexGuard<'_, Inner<S>> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S> Inner<S> {
    /// Notes who is to be told of room, and of a failure.
    fn note_connection(&mut self, context: &Context<'_>) {
        let is_known = self
            .connection
            .as_ref()
            .is_some_and(|known| known.will_wake(context.waker()));
        if !is_known {
            self.connection = Some(context.waker().clone());
        }
    }

    fn wake_sending(&self) {
        if let Some(sending) = &self.sending {
            sending.wake_by_ref();
        }
    }

    /// As many of the bytes as there is room for.
    fn poll_take(&mut self, context: &Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let count = bytes.len().min(BYTES_MAX.saturating_sub(self.buffer.len()));
        if count == 0 && !bytes.is_empty() {
            return self.poll_later(context);
        }
        self.buffer.extend_from_slice(&bytes[..count]);
        self.is_flushed = false;
        Poll::Ready(Ok(count))
    }

    fn poll_later<T>(&mut self, context: &Context<'_>) -> Poll<T> {
        self.note_connection(context);
        self.is_awaited = true;
        self.wake_sending();
        Poll::Pending
    }
}

impl<S: AsyncWrite + Unpin> Inner<S> {
    /// One turn of what sends.
    fn send(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let sent = self.poll_send(context);
        if (self.is_awaited && sent.is_ready()) || self.stream.has_failed() {
            self.is_awaited = false;
            if let Some(connection) = &self.connection {
                connection.wake_by_ref();
            }
        }
        if self.is_closed {
            return Poll::Ready(()); // what is left is in nobody's interest
        }
        self.sending = Some(context.waker().clone());
        Poll::Pending
    }

    /// Until the stream has all of the buffer, and keeps nothing back.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_flushed {
            return Poll::Ready(Ok(()));
        }
        while self.written < self.buffer.len() {
            let rest = &self.buffer[self.written..];
            match ready!(Pin::new(&mut self.stream).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.written += count,
            }
        }
        self.buffer.clear();
        self.written = 0;
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.is_flushed = true;
        Poll::Ready(Ok(()))
    }
}

impl<S> Drop for Gathered<S> {
    fn drop(&mut self) {
        let mut inner = lock(&self.0);
        inner.is_closed = true;
        inner.wake_sending();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gathered<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut inner = lock(&self.0);
        inner.note_connection(context);
        Pin::new(&mut inner.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gathered<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        lock(&self.0).poll_take(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut inner = lock(&self.0);
        let mut taken = 0;
        for slice in slices {
            match inner.poll_take(context, slice) {
                Poll::Ready(Ok(count)) => taken += count,
                // What was taken before is told first; the next call meets the same.
                _ if taken > 0 => break,
                other => return other,
            }
        }
        Poll::Ready(Ok(taken))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// What was written leaves soon.
    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let inner = lock(&self.0);
        if !inner.is_flushed {
            inner.wake_sending();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = lock(&self.0);
        if !inner.is_flushed && !inner.stream.has_failed() {
            return inner.poll_later(context);
        }
        Pin::new(&mut inner.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
