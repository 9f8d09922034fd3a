//! The queue between one sending and one receiving subtask.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Batch, Waker};
use crate::task::snapshot::Barrier;

/// Batches that wait in one channel; the sender keeps what is more, and its subtask takes no input meanwhile.
pub(crate) const CHANNEL_BATCHES_MAX: usize = 8;

/// What passes from a subtask to one behind it.
#[derive(Debug)]
pub(crate) enum Message<T> {
    /// Records.
    Batch(Batch<T>),
    /// See [`Signal::Watermark`](crate::stage::Signal::Watermark).
    Watermark(i64),
    /// See [`Signal::Idle`](crate::stage::Signal::Idle).
    Idle(bool),
    /// What follows belongs to the next checkpoint.
    Barrier(Barrier),
    /// Nothing follows but barriers.
    End,
}

impl<T> Message<T> {
    /// The same message again, which must not be a batch.
    pub(crate) fn without_records(&self) -> Self {
        match self {
            Self::Batch(_) => unreachable!("a batch goes to one subtask"),
            Self::Watermark(watermark) => Self::Watermark(*watermark),
            Self::Idle(idle) => Self::Idle(*idle),
            Self::Barrier(barrier) => Self::Barrier(barrier.clone()),
            Self::End => Self::End,
        }
    }
}

/// See the module.
pub(crate) struct Channel<T> {
    queue: Mutex<Queue<T>>,
    /// Messages in the queue, to look without the lock.
    len: AtomicUsize,
    sender_waits: AtomicBool,
    sender: Arc<Waker>,
    receiver: Arc<Waker>,
}

struct Queue<T> {
    messages: VecDeque<Message<T>>,
    batches: usize,
    /// Emptied batches on their way back.
    spare: Vec<Batch<T>>,
}

impl<T> Channel<T> {
    pub(crate) fn new(sender: Arc<Waker>, receiver: Arc<Waker>) -> Self {
        Self {
            queue: Mutex::new(Queue {
                messages: VecDeque::new(),
                batches: 0,
                spare: Vec::new(),
            }),
            len: AtomicUsize::new(0),
            sender_waits: AtomicBool::new(false),
            sender,
            receiver,
        }
    }

    /// Puts a message behind the others. A batch needs room; without it, it comes back, and the sender is woken when
    /// there is room again. Returns an emptied batch for the one that was taken.
    pub(crate) fn offer(&self, message: Message<T>) -> Result<Option<Batch<T>>, Message<T>> {
        let mut queue = self.queue();
        let is_batch = matches!(message, Message::Batch(_));
        if is_batch && queue.batches >= CHANNEL_BATCHES_MAX {
            self.sender_waits.store(true, Ordering::Relaxed);
            return Err(message);
        }
        queue.batches += usize::from(is_batch);
        queue.messages.push_back(message);
        self.len.store(queue.messages.len(), Ordering::Release);
        let spare = if is_batch { queue.spare.pop() } else { None };
        drop(queue);
        self.receiver.wake();
        Ok(spare)
    }

    /// Whether there is a message.
    pub(crate) fn has_message(&self) -> bool {
        self.len.load(Ordering::Acquire) > 0
    }

    /// The oldest message.
    pub(crate) fn take(&self) -> Option<Message<T>> {
        let mut queue = self.queue();
        let message = queue.messages.pop_front()?;
        self.len.store(queue.messages.len(), Ordering::Release);
        if matches!(message, Message::Batch(_)) {
            queue.batches -= 1;
            // Not at each batch: sender and receiver would wake each other for every single one.
            if queue.batches <= CHANNEL_BATCHES_MAX / 2 && self.sender_waits.swap(false, Ordering::Relaxed) {
                drop(queue);
                self.sender.wake();
            }
        }
        Some(message)
    }

    /// Gives an emptied batch back.
    pub(crate) fn recycle(&self, batch: Batch<T>) {
        debug_assert!(batch.is_empty(), "only an emptied batch is filled again");
        let mut queue = self.queue();
        if queue.spare.len() < CHANNEL_BATCHES_MAX {
            queue.spare.push(batch);
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue<T>> {
        // Nothing under this lock panics half-way.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
