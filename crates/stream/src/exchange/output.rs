//! The end of a chain that sends its records to another task.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Batch, Channel, Message, Partitioner};
use crate::graph::{EdgeId, Operator, Setup, StageFactory, TaskDescription};
use crate::panicked::Unwinding;
use crate::stage::{Signal, Stage};
use crate::task::TaskContext;
use crate::task::snapshot::Barrier;

/// Sends records to the subtasks of another task, batch by batch.
pub(crate) struct ExchangeOut<T, P> {
    partitioner: P,
    /// Whose partitioner it is, for panics.
    of: Operator,
    targets: Vec<Target<T>>,
}

struct Target<T> {
    filling: Batch<T>,
    channel: Arc<Channel<T>>,
    /// What found no room, in order. As long as there is anything, the subtask takes no input; so it holds at most what one
    /// step of the subtask makes.
    kept: VecDeque<Message<T>>,
}

impl<T: Send, P: Partitioner<T>> Stage<T> for ExchangeOut<T, P> {
    #[inline]
    fn record(&mut self, record: T, task: &mut TaskContext) {
        let unwinding = Unwinding(&self.of);
        let (target, key_hash) = self.partitioner.target_and_hash(&record, self.targets.len());
        std::mem::forget(unwinding);
        let target = &mut self.targets[target];
        target.filling.push(record, task.timestamp, key_hash);
        if target.filling.is_full() {
            target.send_filling(task);
        }
    }

    fn signal(&mut self, signal: &mut Signal<'_>, task: &mut TaskContext) {
        match signal {
            Signal::Watermark(watermark) => self.broadcast(&Message::Watermark(*watermark), task),
            Signal::Idle(idle) => self.broadcast(&Message::Idle(*idle), task),
            Signal::Barrier(pass) if pass.overtakes => self.overtake(&pass.barrier, task),
            Signal::Barrier(pass) => {
                let barrier = pass.barrier.clone();
                self.broadcast(&Message::Barrier(barrier), task);
            }
            Signal::End => self.broadcast(&Message::End, task),
            Signal::Flush => self.each(|target| target.send_filling(task)),
            Signal::Drain => self.each(|target| target.drain(task)),
            Signal::Open | Signal::StepEnds | Signal::Time(_) | Signal::Completed(_) | Signal::Close => {}
            Signal::Aborted(checkpoint) => self.each(|target| target.forget(*checkpoint)),
        }
    }
}

impl<T: Send, P: Partitioner<T>> ExchangeOut<T, P> {
    /// To every target, behind the records so far.
    fn broadcast(&mut self, message: &Message<T>, task: &mut TaskContext) {
        self.each(|target| {
            target.send_filling(task);
            target.send(message.without_records(), task);
        });
    }

    /// The barrier leaves before everything that is still here, which becomes data in flight of the receivers.
    fn overtake(&mut self, barrier: &Barrier, task: &mut TaskContext) {
        self.each(|target| {
            let filling = std::mem::take(&mut target.filling);
            task.sent(filling.len());
            let filling = (!filling.is_empty()).then_some(Message::Batch(filling));
            let overtaken = target.kept.drain(..).chain(filling);
            target.channel.overtake(barrier.clone(), overtaken);
        });
        // What was kept has left.
        task.unblock();
    }

    fn each(&mut self, each: impl FnMut(&mut Target<T>)) {
        self.targets.iter_mut().for_each(each);
    }
}

impl<T> Target<T> {
    fn send_filling(&mut self, task: &mut TaskContext) {
        if !self.filling.is_empty() {
            let full = std::mem::take(&mut self.filling);
            task.sent(full.len());
            self.send(Message::Batch(full), task);
        }
    }

    fn send(&mut self, message: Message<T>, task: &mut TaskContext) {
        if self.kept.is_empty() {
            match self.channel.offer(message) {
                Ok(Some(spare)) => self.filling = spare,
                Ok(None) => {}
                Err(message) => self.keep(message, task),
            }
        } else {
            self.keep(message, task);
        }
    }

    fn keep(&mut self, message: Message<T>, task: &mut TaskContext) {
        if let Message::Barrier(barrier) = &message {
            task.wake_for(barrier);
        }
        self.kept.push_back(message);
        task.block();
    }

    /// Nobody waits for the barrier of a checkpoint that was given up.
    fn forget(&mut self, checkpoint: u64) {
        self.kept
            .retain(|message| message.checkpoint() != Some(checkpoint));
        self.channel.forget(checkpoint);
    }

    fn drain(&mut self, task: &mut TaskContext) {
        let now_ns = task.now().monotonic_ns;
        let is_late =
            |message: &Message<T>| matches!(message, Message::Barrier(barrier) if barrier.overtakes(now_ns));
        if let Some(place) = self.kept.iter().position(is_late) {
            let mut rest = self.kept.split_off(place);
            if let Some(Message::Barrier(barrier)) = rest.pop_front() {
                self.channel.overtake(barrier, self.kept.drain(..));
            }
            self.kept = rest;
        }
        while let Some(message) = self.kept.pop_front() {
            if let Err(message) = self.channel.offer(message) {
                self.kept.push_front(message);
                task.block();
                return;
            }
        }
    }
}

/// Makes the sending end of an exchange in each subtask.
pub(crate) struct ExchangeFactory<T, P> {
    edge: EdgeId<T>,
    partitioner: P,
}

impl<T, P> ExchangeFactory<T, P> {
    pub(crate) fn new(edge: EdgeId<T>, partitioner: P) -> Self {
        Self { edge, partitioner }
    }
}

impl<T: Send + 'static, P: Partitioner<T>> StageFactory<T> for ExchangeFactory<T, P> {
    type Stage = ExchangeOut<T, P>;

    fn make(&self, setup: &mut Setup<'_>) -> Self::Stage {
        let mut partitioner = self.partitioner.clone();
        partitioner.sends_from(setup.subtask());
        let targets = setup.outputs(&self.edge).into_iter().map(|channel| Target {
            filling: Batch::default(),
            channel,
            kept: VecDeque::new(),
        });
        let receiver = setup.receiver(&self.edge);
        ExchangeOut {
            partitioner,
            of: if P::BY_CONTENT {
                receiver.key_by()
            } else {
                receiver
            },
            targets: targets.collect(),
        }
    }

    fn describe(&self, task: &mut TaskDescription) {
        task.edge(&self.edge);
    }
}
