//! The queue between one sending and one receiving subtask.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::gauge::Level;
use super::{Batch, Waker};
use crate::task::snapshot::Barrier;

/// Batches that wait in one channel unless the program says otherwise; the sender keeps what is more, and its subtask
/// takes no input meanwhile.
pub(crate) const BUFFERS_PER_CHANNEL: usize = 8;

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
    /// As `Barrier`, put before so many batches that were there already.
    Overtaking(Barrier, usize),
    /// Nothing follows but barriers.
    End,
}

impl<T> Message<T> {
    /// Whose barrier it is.
    pub(crate) fn checkpoint(&self) -> Option<u64> {
        match self {
            Self::Barrier(barrier) | Self::Overtaking(barrier, _) => Some(barrier.checkpoint),
            Self::Batch(_) | Self::Watermark(_) | Self::Idle(_) | Self::End => None,
        }
    }

    /// The same message again, which must not be a batch.
    pub(crate) fn without_records(&self) -> Self {
        match self {
            Self::Batch(_) | Self::Overtaking(..) => unreachable!("a batch goes to one subtask"),
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
    batches_max: usize,
    /// Messages in the queue, to look without the lock.
    len: AtomicUsize,
    sender_waits: AtomicBool,
    /// Whether the first message is a barrier that overtook others: it is taken whatever else is going on.
    urgent: AtomicBool,
    sender: Arc<Waker>,
    receiver: Arc<Waker>,
}

struct Queue<T> {
    messages: VecDeque<Message<T>>,
    batches: usize,
    /// A barrier overtook, and there is more than the sender could have put.
    is_over: bool,
    /// Emptied batches on their way back.
    spare: Vec<Batch<T>>,
}

impl<T> Queue<T> {
    /// Behind the others. A watermark makes one before it that nobody has taken needless, if no records lie in between;
    /// and so does what is said of idleness.
    fn push(&mut self, message: Message<T>) {
        let is_news = |of: &Message<T>| matches!(of, Message::Watermark(_) | Message::Idle(_));
        if is_news(&message) {
            let kind = std::mem::discriminant(&message);
            let known = self.messages.iter().rev().take_while(|of| is_news(of));
            let place = known.map(std::mem::discriminant).position(|of| of == kind);
            if let Some(from_behind) = place {
                self.messages.remove(self.messages.len() - 1 - from_behind);
            }
        }
        self.batches += usize::from(matches!(message, Message::Batch(_)));
        self.messages.push_back(message);
    }

    fn push_all(&mut self, messages: impl Iterator<Item = Message<T>>) {
        messages.for_each(|message| self.push(message));
    }
}

impl<T> Channel<T> {
    pub(crate) fn new(sender: Arc<Waker>, receiver: Arc<Waker>, batches_max: usize) -> Self {
        Self {
            batches_max,
            queue: Mutex::new(Queue {
                messages: VecDeque::new(),
                batches: 0,
                is_over: false,
                spare: Vec::new(),
            }),
            len: AtomicUsize::new(0),
            sender_waits: AtomicBool::new(false),
            urgent: AtomicBool::new(false),
            sender,
            receiver,
        }
    }

    /// Puts a message behind the others. A batch needs room; without it, it comes back, and the sender is woken when
    /// there is room again. Returns an emptied batch for the one that was taken.
    pub(crate) fn offer(&self, message: Message<T>) -> Result<Option<Batch<T>>, Message<T>> {
        let mut queue = self.queue();
        let is_batch = matches!(message, Message::Batch(_));
        if is_batch && queue.batches >= self.batches_max {
            self.sender_waits.store(true, Ordering::Relaxed);
            return Err(message);
        }
        queue.push(message);
        self.len.store(queue.messages.len(), Ordering::Release);
        let spare = if is_batch { queue.spare.pop() } else { None };
        drop(queue);
        self.receiver.wake();
        Ok(spare)
    }

    /// Puts these messages behind the others, whatever room there is, and the barrier before all of them.
    pub(crate) fn overtake(&self, barrier: Barrier, overtaken: impl Iterator<Item = Message<T>>) {
        let mut queue = self.queue();
        queue.push_all(overtaken);
        queue.is_over |= queue.batches > self.batches_max;
        let overtaken = queue.batches;
        queue.messages.push_front(Message::Overtaking(barrier, overtaken));
        self.urgent.store(true, Ordering::Release);
        self.len.store(queue.messages.len(), Ordering::Release);
        drop(queue);
        self.receiver.wake();
    }

    /// Brings the barrier of a checkpoint, if it waits in the queue, before the messages it waits behind.
    pub(crate) fn hasten(&self, checkpoint: u64) {
        let mut queue = self.queue();
        let is_it =
            |message: &Message<T>| matches!(message, Message::Barrier(of) if of.checkpoint == checkpoint);
        let Some(place) = queue.messages.iter().position(is_it) else {
            return;
        };
        let Some(Message::Barrier(barrier)) = queue.messages.remove(place) else {
            unreachable!("a barrier stands there");
        };
        let before = queue.messages.iter().take(place);
        let overtaken = before.filter(|of| matches!(of, Message::Batch(_))).count();
        queue.messages.push_front(Message::Overtaking(barrier, overtaken));
        self.urgent.store(true, Ordering::Release);
    }

    /// The barrier of a checkpoint that was given up need not be taken: only checkpoints under way have barriers here, so
    /// that they are few however slow the receiver is.
    pub(crate) fn forget(&self, checkpoint: u64) {
        let mut queue = self.queue();
        queue
            .messages
            .retain(|message| message.checkpoint() != Some(checkpoint));
        self.note_first(&queue);
    }

    /// Lets others see without the lock what there is.
    fn note_first(&self, queue: &Queue<T>) {
        let is_urgent = matches!(queue.messages.front(), Some(Message::Overtaking(..)));
        self.urgent.store(is_urgent, Ordering::Release);
        self.len.store(queue.messages.len(), Ordering::Release);
    }

    /// The first message if it is a barrier that overtook others.
    pub(crate) fn take_urgent(&self) -> Option<Message<T>> {
        if !self.urgent.load(Ordering::Acquire) {
            return None;
        }
        self.take()
    }

    /// Looks at the records of the next `batches` batches, without taking them.
    pub(crate) fn look(&self, batches: usize, each: impl FnMut(&Batch<T>)) {
        let queue = self.queue();
        let next = queue.messages.iter().filter_map(|message| match message {
            Message::Batch(batch) => Some(batch),
            _ => None,
        });
        next.take(batches).for_each(each);
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
        if matches!(message, Message::Overtaking(..)) {
            self.note_first(&queue);
        }
        if matches!(message, Message::Batch(_)) {
            queue.batches -= 1;
            queue.is_over &= queue.batches > self.batches_max;
            // Not at each batch: sender and receiver would wake each other for every single one.
            if queue.batches <= self.batches_max / 2 && self.sender_waits.swap(false, Ordering::Relaxed) {
                drop(queue);
                self.sender.wake();
            }
        }
        Some(message)
    }

    pub(super) fn level(&self) -> Level {
        let queue = self.queue();
        Level {
            batches: queue.batches,
            messages: queue.messages.len(),
            barriers: {
                let barriers = queue.messages.iter().filter_map(Message::checkpoint);
                barriers.count()
            },
            sender_waits: self.sender_waits.load(Ordering::Relaxed),
            is_over: queue.is_over,
        }
    }

    /// Gives an emptied batch back.
    pub(crate) fn recycle(&self, batch: Batch<T>) {
        debug_assert!(batch.is_empty(), "only an emptied batch is filled again");
        let mut queue = self.queue();
        if queue.spare.len() < self.batches_max {
            queue.spare.push(batch);
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue<T>> {
        // Nothing under this lock panics half-way.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
