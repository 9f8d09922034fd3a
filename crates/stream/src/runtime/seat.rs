//! A subtask as its run reaches it, whoever drives it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::exchange::Waker;
use crate::task::Order;

/// See the module.
pub(crate) struct Seat {
    mailbox: Arc<Mailbox>,
    waker: Arc<Waker>,
    thread: Option<JoinHandle<()>>,
}

/// What waits for the subtask. Orders are few: at most some per checkpoint under way.
#[derive(Default)]
pub(crate) struct Mailbox {
    orders: Mutex<VecDeque<Order>>,
    end: AtomicU8,
}

/// How a subtask is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// When it has done what it was ordered.
    Finish,
    /// After its current step.
    Cancel,
}

/// Greater than 0, with which a mailbox begins.
const FINISH: u8 = 1;
const CANCEL: u8 = 2;

impl Mailbox {
    /// The oldest order.
    pub(crate) fn take(&self) -> Option<Order> {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        orders.pop_front()
    }

    /// How the subtask is to end, once it is.
    pub(crate) fn ending(&self) -> Option<Ending> {
        match self.end.load(Ordering::Acquire) {
            FINISH => Some(Ending::Finish),
            CANCEL => Some(Ending::Cancel),
            _ => None,
        }
    }
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
        let mut orders = self.mailbox.orders.lock().unwrap_or_else(PoisonError::into_inner);
        orders.push_back(order);
        drop(orders);
        self.waker.wake();
    }

    /// The subtask ends when it has done what it was ordered.
    pub(crate) fn finish(&self) {
        self.end(FINISH);
    }

    /// The subtask ends after its current step.
    pub(crate) fn cancel(&self) {
        self.end(CANCEL);
    }

    fn end(&self, how: u8) {
        self.mailbox.end.fetch_max(how, Ordering::AcqRel);
        self.waker.wake();
    }

    /// Waits until its thread has ended, if it has one.
    pub(crate) fn join(self) {
        if let Some(thread) = self.thread {
            thread.join().expect("panics of a subtask are caught");
        }
    }
}
