//! Panics as errors: what must not end silently with a task or a thread.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// Awaits `work`; a panic in it is an error that says so. It is not polled again after that.
pub(crate) async fn caught<T>(work: impl Future<Output = T>) -> Result<T, String> {
    let mut work = pin!(work);
    poll_fn(
        |context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(text(panic.as_ref()))),
        },
    )
    .await
}

/// What a panic said.
pub(crate) fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("it panicked: {}", text.unwrap_or("without a message"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_after_a_while_ends_with_its_message() {
        let number = 7;
        let work = async {
            tokio::task::yield_now().await;
            assert_eq!(number, 8, "frame {number}");
        };
        let error = caught(work).await.unwrap_err();
        assert!(
            error.starts_with("it panicked: ") && error.contains("frame 7"),
            "{error}"
        );
        assert_eq!(caught(async { 1 }).await, Ok(1));
    }
}
