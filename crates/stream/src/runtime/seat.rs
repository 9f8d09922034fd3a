//! A subtask as its run reaches it, whoever drives it.

use std::sync::Arc;
use std::thread::JoinHandle;

use super::mailbox::{Ending, Mailbox};
use crate::exchange::Waker;
use crate::task::Order;

/// See the module.
pub(crate) struct Seat {
    mailbox: Arc<Mailbox>,
    waker: Arc<Waker>,
    thread: Option<JoinHandle<()>>,
}

impl Seat {
    pub(crate) fn new(mailbox: Arc<Mailbox>, waker: Arc<Waker>) -> Self {
        Self {
            mailbox,
            waker,
            thread: None,
        }
    }

    /// The same, driven by a thread.
    pub(crate) fn on(self, thread: JoinHandle<()>) -> Self {
        Self {
            thread: Some(thread),
            ..self
        }
    }

    pub(crate) fn order(&self, order: Order) {
        self.mailbox.put(order);
        self.waker.wake();
    }

    /// The subtask ends when it has done what it was ordered.
    pub(crate) fn finish(&self) {
        self.end(Ending::Finish);
    }

    /// The subtask ends after its current step.
    pub(crate) fn cancel(&self) {
        self.end(Ending::Cancel);
    }

    fn end(&self, how: Ending) {
        self.mailbox.end(how);
        self.waker.wake();
    }

    /// Waits until its thread has ended, if it has one.
    pub(crate) fn join(self) {
        if let Some(thread) = self.thread {
            thread.join().expect("panics of a subtask are caught");
        }
    }
}
