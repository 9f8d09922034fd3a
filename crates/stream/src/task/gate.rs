//! A subtask that receives from other tasks.

use std::sync::Arc;

use everspan_checkpoint::Now;

use super::alignment::Alignment;
use super::chain::Chain;
use super::context::SubtaskFigures;
use super::snapshot::{Barrier, Snapshot};
use super::{NO_WATERMARK, Order, Step, Subtask};
use crate::exchange::{Batch, Channel, Message};
use crate::failure::Failure;
use crate::stage::{Signal, Stage};

/// Takes what its channels bring and drives the chain behind.
pub(crate) struct GateHead<T, S> {
    inputs: Vec<Input<T>>,
    /// Where the next look begins, so that no input starves.
    next: usize,
    chain: Chain<S>,
    alignment: Alignment,
    idle: bool,
    ended: bool,
}

struct Input<T> {
    channel: Arc<Channel<T>>,
    watermark: i64,
    idle: bool,
    ended: bool,
}

impl<T: Send, S: Stage<T>> GateHead<T, S> {
    pub(crate) fn new(channels: Vec<Arc<Channel<T>>>, first: S, figures: Arc<SubtaskFigures>) -> Self {
        let inputs = channels.into_iter().map(|channel| Input {
            channel,
            watermark: NO_WATERMARK,
            idle: false,
            ended: false,
        });
        Self {
            inputs: inputs.collect(),
            next: 0,
            chain: Chain::new(first, figures),
            alignment: Alignment::default(),
            idle: false,
            ended: false,
        }
    }

    /// The next message of any input that may be read.
    fn take(&mut self) -> Option<(usize, Message<T>)> {
        let inputs = self.inputs.len();
        for _ in 0..inputs {
            let index = self.next;
            self.next = if index + 1 < inputs { index + 1 } else { 0 };
            let channel = &self.inputs[index].channel;
            if channel.has_message()
                && !self.alignment.blocks(index)
                && let Some(message) = channel.take()
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
        let Chain { first, task, .. } = &mut self.chain;
        task.received(batch.len());
        batch.drain(|record, timestamp| {
            if !task.has_failed() {
                task.timestamp = timestamp;
                first.record(record, task);
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
            self.chain.signal(Signal::Idle(idle));
        }
        // Without a live input the ended ones say how far it came.
        let watermark = least.unwrap_or_else(|| {
            let ended = self.inputs.iter().filter(|input| input.ended);
            ended.map(|input| input.watermark).min().unwrap_or(NO_WATERMARK)
        });
        if !idle && watermark > self.chain.task.watermark() {
            self.chain.task.set_watermark(watermark);
            self.chain.signal(Signal::Watermark(watermark));
        }
    }

    fn barrier(&mut self, input: usize, barrier: &Barrier) {
        let now_ns = self.chain.task.now().monotonic_ns;
        let inputs = self.inputs.len();
        if let Some(complete) = self.alignment.arrived((input, inputs), barrier, now_ns) {
            self.chain
                .barrier(complete.barrier, Vec::new(), complete.first_ns);
        }
    }

    fn end(&mut self, input: usize) {
        self.inputs[input].ended = true;
        self.advance();
        if !self.ended && self.inputs.iter().all(|input| input.ended) {
            self.ended = true;
            self.chain.end(false);
        }
    }
}

impl<T: Send, S: Stage<T>> Subtask for GateHead<T, S> {
    fn open(&mut self, now: Now) -> Result<(), Failure> {
        self.chain.task.set_now(now);
        self.chain.signal(Signal::Open);
        self.chain.task.take_failure()
    }

    fn step(&mut self, now: Now) -> Result<Step, Failure> {
        if !self.chain.begin_step(now) {
            return Ok(Step::BackPressured);
        }
        let step = match self.take() {
            Some((input, message)) => {
                self.handle(input, message);
                Step::Worked
            }
            None => {
                self.chain.flush();
                let until = self.chain.task.next_wakeup();
                if self.ended {
                    Step::Ended
                } else {
                    Step::Idle { until }
                }
            }
        };
        self.chain.task.take_failure()?;
        Ok(step)
    }

    fn order(&mut self, order: Order, now: Now) -> Result<(), Failure> {
        self.chain.task.set_now(now);
        match order {
            Order::Begin(_) => {}
            Order::Completed(checkpoint) => self.chain.signal(Signal::Completed(checkpoint)),
            Order::Aborted(checkpoint) => {
                self.alignment.abort(checkpoint);
                self.chain.signal(Signal::Aborted(checkpoint));
            }
        }
        self.chain.task.take_failure()
    }

    fn take_snapshots(&mut self) -> Vec<Snapshot> {
        self.chain.take_snapshots()
    }

    fn restore_time(&self) -> Option<std::time::Duration> {
        self.chain.task.restore_time()
    }

    fn close(&mut self, now: Now) -> Result<(), Failure> {
        self.chain.close(now)
    }
}
