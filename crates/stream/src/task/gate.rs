//! A subtask that receives from other tasks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use everspan_checkpoint::Now;
use everspan_state::Compaction;

use super::alignment::Alignment;
use super::chain::Chain;
use super::context::SubtaskFigures;
use super::in_flight::encoded_bytes;
use super::snapshot::{Barrier, BarrierMode, OperatorState, Snapshot, decoded, encoded};
use super::{InFlight, NO_WATERMARK, Order, Step, Subtask};
use crate::data::Data;
use crate::exchange::{Batch, Channel, Message, Router};
use crate::failure::{Failure, SuppressRestarts};
use crate::graph::{Operator, in_flight_uid};
use crate::panicked::blame;
use crate::stage::{Signal, Stage};

/// Takes what its channels bring and drives the chain behind.
pub(crate) struct GateHead<T, S> {
    inputs: Vec<Input<T>>,
    /// Where the next look begins, so that no input starves.
    next: usize,
    chain: Chain<S>,
    alignment: Alignment,
    /// A checkpoint whose barrier overtook data that is still to come.
    collecting: Option<Collecting>,
    restoring: Restoring<T>,
    gate_restore: Duration,
    idle: bool,
    ended: bool,
}

/// What a gate takes over from a checkpoint.
pub(crate) struct Restoring<T> {
    /// The first operator of the task.
    pub(crate) head: Operator,
    pub(crate) subtask: usize,
    pub(crate) parallelism: usize,
    /// Each an [`InFlight`].
    pub(crate) elements: Vec<Vec<u8>>,
    /// One per exchange.
    pub(crate) routers: Vec<Router<T>>,
}

/// The state at an unaligned barrier, while data that it overtook is added.
struct Collecting {
    snapshot: Snapshot,
    first_ns: u64,
    /// One per input.
    in_flight: Vec<InFlight>,
}

struct Input<T> {
    /// The number of its exchange.
    edge: usize,
    channel: Arc<Channel<T>>,
    watermark: i64,
    idle: bool,
    ended: bool,
}

impl<T: Data, S: Stage<T>> GateHead<T, S> {
    pub(crate) fn new(
        channels: Vec<(usize, Arc<Channel<T>>)>,
        restoring: Restoring<T>,
        first: S,
        figures: Arc<SubtaskFigures>,
    ) -> Self {
        let inputs = channels.into_iter().map(|(edge, channel)| Input {
            edge,
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
            collecting: None,
            restoring,
            gate_restore: Duration::ZERO,
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
            Message::Barrier(barrier) => self.barrier(input, &barrier, None),
            Message::Overtaking(barrier, overtaken) => self.barrier(input, &barrier, Some(overtaken)),
            Message::End => self.end(input),
        }
    }

    fn records(&mut self, input: usize, mut batch: Batch<T>) {
        if let Some(collecting) = &mut self.collecting
            && !self.alignment.has_seen(collecting.snapshot.checkpoint, input)
        {
            collecting.in_flight[input].add(&batch);
        }
        if self.alignment.is_under_way() {
            self.alignment.processed(encoded_bytes(&batch));
        }
        let Chain { first, task, .. } = &mut self.chain;
        task.received(batch.len());
        batch.drain(|record, timestamp, key_hash| {
            if !task.has_failed() {
                task.timestamp = timestamp;
                task.set_key_hash(key_hash);
                first.record(record, task);
            }
        });
        task.set_key_hash(None);
        self.chain.signal(Signal::StepEnds);
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

    /// A barrier that overtook says how many messages of its input were there before it and come after it.
    fn barrier(&mut self, input: usize, barrier: &Barrier, overtaken: Option<usize>) {
        let checkpoint = barrier.checkpoint;
        if self.alignment.is_over(checkpoint) {
            return;
        }
        let now_ns = self.chain.task.now().monotonic_ns;
        let inputs = self.inputs.len();
        let complete = self.alignment.arrived((input, inputs), barrier, now_ns);
        let overtakes = overtaken.is_some() || barrier.overtakes(now_ns);
        if overtakes && !self.collects(checkpoint) {
            self.alignment.unblock(checkpoint);
            let mode = BarrierMode::Unaligned;
            self.collect(
                Barrier {
                    mode,
                    ..barrier.clone()
                },
                now_ns,
            );
        } else if !overtakes {
            self.chain.task.wake_for(barrier);
        }
        if let Some(collecting) = self
            .collecting
            .as_mut()
            .filter(|of| of.snapshot.checkpoint == checkpoint)
        {
            let in_flight = &mut collecting.in_flight[input];
            self.inputs[input]
                .channel
                .look(overtaken.unwrap_or(0), |batch| in_flight.add(batch));
        }
        if let Some(complete) = complete {
            if self.collects(checkpoint) {
                self.release(complete.processed_bytes);
            } else {
                self.chain
                    .barrier(complete.barrier, Vec::new(), complete.first_ns);
                let mut snapshot = self.chain.hold_snapshot();
                snapshot.stats.processed_bytes = complete.processed_bytes;
                self.chain.release_snapshot(snapshot);
            }
        }
    }

    fn collects(&self, checkpoint: u64) -> bool {
        let collecting = self.collecting.as_ref();
        collecting.is_some_and(|collecting| collecting.snapshot.checkpoint == checkpoint)
    }

    /// Takes the state now; data that comes before the other barriers is added to it.
    fn collect(&mut self, barrier: Barrier, first_ns: u64) {
        self.chain.barrier(barrier, Vec::new(), first_ns);
        let to = self.restoring.subtask;
        let inputs = self.inputs.iter();
        self.collecting = Some(Collecting {
            snapshot: self.chain.hold_snapshot(),
            first_ns,
            in_flight: inputs.map(|input| InFlight::new(input.edge, to)).collect(),
        });
    }

    /// All barriers are here: the snapshot is whole.
    fn release(&mut self, processed_bytes: u64) {
        let collecting = self.collecting.take().expect("only asked when there is one");
        let mut in_flight = collecting.in_flight;
        in_flight.retain(|in_flight| !in_flight.is_empty());
        let mut snapshot = collecting.snapshot;
        let now_ns = self.chain.task.now().monotonic_ns;
        snapshot.stats.alignment = Duration::from_nanos(now_ns.saturating_sub(collecting.first_ns));
        snapshot.stats.processed_bytes = processed_bytes;
        snapshot.stats.persisted_bytes = in_flight.iter().map(InFlight::bytes).sum();
        snapshot.parts.push(OperatorState {
            uid: in_flight_uid(&self.restoring.head.uid).into(),
            list: encoded(&in_flight),
            keyed: None,
        });
        self.chain.release_snapshot(snapshot);
    }

    /// Barriers that overtake, and those that do so from now on: also while a receiver has no room.
    fn urgent(&mut self, now: Now) {
        self.chain.task.set_now(now);
        if let Some((barrier, first_ns)) = self.alignment.take_late(now.monotonic_ns) {
            let checkpoint = barrier.checkpoint;
            self.collect(barrier, first_ns);
            for (input, of) in self.inputs.iter().enumerate() {
                if !self.alignment.has_seen(checkpoint, input) {
                    of.channel.hasten(checkpoint);
                }
            }
        }
        for input in 0..self.inputs.len() {
            while let Some(message) = self.inputs[input].channel.take_urgent() {
                self.handle(input, message);
            }
        }
    }

    /// Data in flight comes before everything else.
    fn restore(&mut self) -> crate::failure::Result {
        let elements = std::mem::take(&mut self.restoring.elements);
        if elements.is_empty() {
            return Ok(());
        }
        let began = Instant::now();
        self.process(&elements)?;
        self.gate_restore = began.elapsed();
        Ok(())
    }

    fn process(&mut self, elements: &[Vec<u8>]) -> crate::failure::Result {
        for in_flight in decoded::<InFlight>(elements)? {
            let Restoring {
                head,
                subtask,
                parallelism,
                routers,
                ..
            } = &mut self.restoring;
            let router = routers.get_mut(in_flight.edge as usize);
            let router = router.ok_or_else(|| {
                SuppressRestarts::new("the checkpoint holds records in flight of an exchange that is gone")
            })?;
            let to_same = in_flight.to as usize % *parallelism == *subtask;
            for (record, timestamp) in in_flight.read::<T>()? {
                let is_own = match router {
                    Router::ByContent(target) => blame(head, || target(&record, *parallelism)) == *subtask,
                    Router::Any => to_same,
                };
                if is_own {
                    self.chain.task.timestamp = timestamp;
                    self.chain.first.record(record, &mut self.chain.task);
                }
            }
            self.chain.signal(Signal::StepEnds);
        }
        Ok(())
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

impl<T: Data, S: Stage<T>> Subtask for GateHead<T, S> {
    fn open(&mut self, now: Now) -> Result<(), Failure> {
        self.chain.task.set_now(now);
        self.chain.signal(Signal::Open);
        if !self.chain.task.has_failed()
            && let Err(error) = self.restore()
        {
            self.chain.task.fail(&self.restoring.head, error);
        }
        self.chain.task.take_failure()
    }

    fn step(&mut self, now: Now) -> Result<Step, Failure> {
        self.urgent(now);
        if !self.chain.begin_step(now) {
            return Ok(self.chain.back_pressured());
        }
        let step = match self.take() {
            Some((input, message)) => {
                self.handle(input, message);
                Step::Worked
            }
            None => {
                self.chain.flush();
                if self.ended {
                    let until = self.chain.task.next_overtaking();
                    Step::Ended { until }
                } else {
                    let until = self.chain.task.next_wakeup();
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
                self.collecting.take_if(|of| of.snapshot.checkpoint == checkpoint);
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

    fn take_compactions(&mut self) -> Vec<Compaction> {
        self.chain.task.take_compactions()
    }

    fn gate_restore_time(&self) -> Duration {
        self.gate_restore
    }

    fn close(&mut self, now: Now) -> Result<(), Failure> {
        self.chain.close(now)
    }
}

#[cfg(test)]
mod tests;
