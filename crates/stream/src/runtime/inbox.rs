//! What is said to a job: by its subtasks, by those who write for it, and by whoever has its handle.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use super::clock::Clock;
use super::run::Message;

/// A message with the number of the run it is for.
pub(crate) type Addressed = (u64, Message);

/// Messages of handles belong to whichever run is under way.
pub(crate) const ANY_RUN: u64 = 0;

/// Where messages go. At most some are on their way for each checkpoint under way, and one for each who waits.
pub(crate) type Sender = UnboundedSender<Addressed>;

/// Where they arrive, in their order.
pub(crate) struct Inbox {
    receiver: Mutex<UnboundedReceiver<Addressed>>,
    clock: Arc<Clock>,
}

impl Inbox {
    pub(crate) fn new(receiver: UnboundedReceiver<Addressed>, clock: Arc<Clock>) -> Self {
        Self {
            receiver: Mutex::new(receiver),
            clock,
        }
    }

    /// The next message; `None` when there is none until this moment of the monotonic clock.
    pub(crate) async fn next(&self, until_ns: Option<u64>) -> Option<Addressed> {
        let Some(until_ns) = until_ns else {
            return Some(self.receive().await);
        };
        tokio::select! {
            biased;
            message = self.receive() => Some(message),
            () = self.clock.until(until_ns) => None,
        }
    }

    async fn receive(&self) -> Addressed {
        let message = poll_fn(|context| {
            let mut receiver = self.receiver.lock().unwrap_or_else(PoisonError::into_inner);
            receiver.poll_recv(context)
        });
        message.await.expect("the job itself keeps a sender")
    }
}
