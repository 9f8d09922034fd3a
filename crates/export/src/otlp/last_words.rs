//! What a collector said before it hung up.
//!
//! With TLS 1.3 a client has finished its handshake, and writes, before the server has looked at the client's
//! certificate. A server that refuses says why and closes, and a write that fails then must not hide the reason, which
//! lies unread in the receive buffer. So a failed write is kept back: whoever reads gets what was still said, and the
//! write's error at its end. An early answer of a collector that does not read the whole request arrives in the same way.
//!
//! ```text
//!  write ──► error, kept back       read ──► last words ──► the alert, else the kept error
//! ```

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// A connection that cannot be written to is most often one that ends; where it does not, its last words are
/// waited for as long as this.
const PATIENCE: Duration = Duration::from_secs(1);

/// A stream whose failures all come from reading.
pub(super) struct LastWords<S> {
    stream: S,
    failed_write: Option<FailedWrite>,
    end: EndReason,
}

/// Why reading from a stream failed, as soon as it has.
#[derive(Clone, Default)]
pub(super) struct EndReason(Arc<OnceLock<String>>);

impl EndReason {
    pub(super) fn get(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}

struct FailedWrite {
    error: io::Error,
    patience: Pin<Box<Sleep>>,
}

impl<S> LastWords<S> {
    pub(super) fn of(stream: S) -> Self {
        Self {
            stream,
            failed_write: None,
            end: EndReason::default(),
        }
    }

    pub(super) fn end(&self) -> EndReason {
        self.end.clone()
    }

    /// Whether a write has failed: who reads should look.
    pub(super) fn has_failed(&self) -> bool {
        self.failed_write.is_some()
    }

    fn keep_back(&mut self, error: io::Error, context: &Context<'_>) {
        self.failed_write.get_or_insert_with(|| FailedWrite {
            error,
            patience: Box::pin(tokio::time::sleep(PATIENCE)),
        });
        // Reader and writer are one task, which may have nothing more to write.
        context.waker().wake_by_ref();
    }

    /// What the writer hears: all went well.
    fn told<T>(
        &mut self,
        outcome: Poll<io::Result<T>>,
        instead: T,
        context: &Context<'_>,
    ) -> Poll<io::Result<T>> {
        match ready!(outcome) {
            Ok(done) => Poll::Ready(Ok(done)),
            Err(error) => {
                self.keep_back(error, context);
                Poll::Ready(Ok(instead))
            }
        }
    }
}

impl<S: AsyncRead + Unpin> LastWords<S> {
    fn read(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(context, buffer);
        let Some(failed) = &mut self.failed_write else {
            return outcome;
        };
        let is_over = match &outcome {
            Poll::Ready(Ok(())) => buffer.filled().len() == before,
            Poll::Ready(Err(_)) => false,
            Poll::Pending => failed.patience.as_mut().poll(context).is_ready(),
        };
        if !is_over {
            return outcome;
        }
        let failed = self.failed_write.take();
        Poll::Ready(Err(failed.expect("a failed write was seen above").error))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for LastWords<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = this.read(context, buffer);
        if let Poll::Ready(Err(error)) = &outcome {
            this.end.0.get_or_init(|| error.to_string());
        }
        outcome
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for LastWords<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.failed_write.is_some() {
            return Poll::Ready(Ok(bytes.len()));
        }
        let outcome = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.told(outcome, bytes.len(), context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let total = slices.iter().map(|slice| slice.len()).sum();
        if this.failed_write.is_some() {
            return Poll::Ready(Ok(total));
        }
        let outcome = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.told(outcome, total, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.failed_write.is_some() {
            return Poll::Ready(Ok(()));
        }
        let outcome = Pin::new(&mut this.stream).poll_flush(context);
        this.told(outcome, (), context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
