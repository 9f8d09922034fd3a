//! A subtask that receives from other tasks.

use std::sync::Arc;

use everspan_checkpoint::Now;

use super::context::SubtaskFigures;
use super::snapshot::{Barrier, Snapshot};
use super::{NO_WATERMARK, Order, Step, Subtask, TaskContext};
use crate::exchange::{Batch, Channel, Message};
use crate::failure::Failure;
use crate::stage::{Signal, Stage};

/// Takes what its channels bring and drives the chain behind.
pub(crate) struct GateHead<T, S> {
    inputs: Vec<Input<T>>,
    /// Where the next look begins, so that no input starves.
    next: usize,
    chain: S,
    task: TaskContext,
    idle: bool,
    ended: bool,
    snapshots: Vec<Snapshot>,
}

struct Input<T> {
    channel: Arc<Channel<T>>,
    watermark: i64,
    idle: bool,
    ended: bool,
}

impl<T: Send, S: Stage<T>> GateHead<T, S> {
    pub(crate) fn new(channels: Vec<Arc<Channel<T>>>, chain: S, figures: Arc<SubtaskFigures>) -> Self {
        let inputs = channels.into_iter().map(|channel| Input {
            channel,
            watermark: NO_WATERMARK,
            idle: false,
            ended: false,
        });
        Self {
            inputs: inputs.collect(),
            next: 0,
            chain,
            task: TaskContext::new(figures),
            idle: false,
            ended: false,
            snapshots: Vec::new(),
        }
    }

    fn signal(&mut self, mut signal: Signal<'_>) {
        self.chain.signal(&mut signal, &mut self.task);
    }

    /// The next message of any input.
    fn take(&mut self) -> Option<(usize, Message<T>)> {
        let inputs = self.inputs.len();
        for _ in 0..inputs {
            let index = self.next;
            self.next = if index + 1 < inputs { index + 1 } else { 0 };
            if self.inputs[index].channel.has_message()
                && let Some(message) = self.inputs[index].channel.take()
            {
                return Some((index, message));
            }
        }
        None
    }

    fn handle(&mut self, input: usize, message: Message<T>) {
        match message {
            Message::Batch(batch) => self.records(input, batch),
            Message::Watermark(watermark) => {
                let known = &mut self.inputs[input].watermark;
                *known = watermark.max(*known);
                self.advance();
            }
            Message::Idle(idle) => {
                self.inputs[input].idle = idle;
                self.advance();
            }
            Message::Barrier(barrier) => self.barrier(input, &barrier),
            Message::End => self.end(input),
        }
    }

    fn records(&mut self, input: usize, mut batch: Batch<T>) {
        self.task.received(batch.len());
        let (chain, task) = (&mut self.chain, &mut self.task);
        batch.drain(|record, timestamp| {
            if !task.has_failed() {
                task.timestamp = timestamp;
                chain.record(record, task);
            }
        });
        self.inputs[input].channel.recycle(batch);
    }

    /// The gate's watermark is the least of those inputs that are not idle.
    fn advance(&mut self) {
        let live = self.inputs.iter().filter(|input| !input.idle && !input.ended);
        let least = live.map(|input| input.watermark).min();
        let idle = least.is_none() && self.inputs.iter().any(|input| !input.ended);
        if idle != self.idle {
            self.idle = idle;
            self.signal(Signal::Idle(idle));
        }
        // Without a live input the ended ones say how far it came.
        let watermark = least.unwrap_or_else(|| {
            let ended = self.inputs.iter().filter(|input| input.ended);
            ended.map(|input| input.watermark).min().unwrap_or(NO_WATERMARK)
        });
        if !idle && watermark > self.task.watermark() {
            self.task.set_watermark(watermark);
            self.signal(Signal::Watermark(watermark));
        }
    }

    fn barrier(&mut self, _input: usize, _barrier: &Barrier) {}

    fn end(&mut self, input: usize) {
        self.inputs[input].ended = true;
        self.advance();
        if !self.ended && self.inputs.iter().all(|input| input.ended) {
            self.ended = true;
            self.signal(Signal::End);
        }
    }
}

impl<T: Send, S: Stage<T>> Subtask for GateHead<T, S> {
    fn open(&mut self, now: Now) -> Result<(), Failure> {
        self.task.set_now(now);
        self.signal(Signal::Open);
        self.task.take_failure()
    }

    fn step(&mut self, now: Now) -> Result<Step, Failure> {
        self.task.set_now(now);
        if self.task.is_blocked() {
            self.task.unblock();
            self.signal(Signal::Drain);
            if self.task.is_blocked() {
                return Ok(Step::BackPressured);
            }
        }
        if let Some(time) = self.task.take_due() {
            self.signal(Signal::Time(time));
        }
        let step = match self.take() {
            Some((input, message)) => {
                self.handle(input, message);
                Step::Worked
            }
            None if self.ended => Step::Ended,
            None => {
                self.signal(Signal::Flush);
                Step::Idle {
                    until: self.task.next_wakeup(),
                }
            }
        };
        self.task.take_failure()?;
        Ok(step)
    }

    fn order(&mut self, order: Order, now: Now) -> Result<(), Failure> {
        self.task.set_now(now);
        match order {
            Order::Begin(_) | Order::Stop { .. } => {}
            Order::Completed(checkpoint) => self.signal(Signal::Completed(checkpoint)),
            Order::Aborted(checkpoint) => self.signal(Signal::Aborted(checkpoint)),
        }
        self.task.take_failure()
    }

    fn take_snapshots(&mut self) -> Vec<Snapshot> {
        std::mem::take(&mut self.snapshots)
    }

    fn close(&mut self, now: Now) -> Result<(), Failure> {
        self.task.set_now(now);
        self.signal(Signal::Close);
        self.task.take_failure()
    }
}
