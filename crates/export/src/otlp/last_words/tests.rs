use std::collections::VecDeque;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// The other end has closed: whatever is written fails, and so much can still be read.
struct Closed {
    said: VecDeque<io::Result<&'static [u8]>>,
    end: End,
}

#[derive(Clone, Copy)]
enum End {
    Told,
    Silent,
}

impl AsyncRead for Closed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match (self.said.pop_front(), self.end) {
            (Some(said), _) => Poll::Ready(said.map(|words| buffer.put_slice(words))),
            (None, End::Told) => Poll::Ready(Ok(())),
            (None, End::Silent) => Poll::Pending,
        }
    }
}

impl AsyncWrite for Closed {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::Error::other("nobody listens")))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(io::Error::other("nobody listens")))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What a reader gets after a write that failed: the words, and the error at their end.
async fn check(said: Vec<io::Result<&'static [u8]>>, end: End, words: &str, error: &str) {
    let mut stream = LastWords::of(Closed {
        said: said.into(),
        end,
    });
    let reason = stream.end();
    stream.write_all(b"a request").await.unwrap();
    stream.flush().await.unwrap();
    stream.write_all(b"the rest of it").await.unwrap();
    assert_eq!(reason.get(), None);
    let mut read = Vec::new();
    let found = stream.read_to_end(&mut read).await.unwrap_err();
    assert_eq!(
        (
            String::from_utf8(read).unwrap().as_str(),
            found.to_string().as_str()
        ),
        (words, error)
    );
    assert_eq!(reason.get(), Some(error));
}

#[tokio::test(start_paused = true)]
async fn a_failed_write_waits_for_the_last_words() {
    let alert = || Err(io::Error::other("a certificate is required"));
    check(vec![alert()], End::Told, "", "a certificate is required").await;
    check(vec![Ok(b"too large")], End::Told, "too large", "nobody listens").await;
    check(
        vec![Ok(b"no"), alert()],
        End::Told,
        "no",
        "a certificate is required",
    )
    .await;
    check(vec![], End::Told, "", "nobody listens").await;
    check(vec![Ok(b"no")], End::Silent, "no", "nobody listens").await;
}

#[tokio::test]
async fn an_end_without_a_failure_is_none() {
    let mut stream = LastWords::of(Closed {
        said: VecDeque::from([Ok(&b"bye"[..])]),
        end: End::Told,
    });
    let mut read = String::new();
    stream.read_to_string(&mut read).await.unwrap();
    assert_eq!((read.as_str(), stream.end().get()), ("bye", None));
}
