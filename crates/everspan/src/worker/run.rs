//! A worker's loop.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use everspan_durable::effect::Effect;
use everspan_durable::partition::PartitionError;
use everspan_durable::record::Body;
use everspan_durable::view::ResultView;
use everspan_export::Mark;
use everspan_protocol::ids::partition_of;
use everspan_wal::{Batch, Committer};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::cut::{Hold, LOOK_AGAIN};
use super::input::{Accepted, AttachReply, Ended, Input, Query};
use super::persisted::Persisted;
use super::router::Router;
use super::shard::{Held, Running, Shard};
use super::spans::WorkerSpans;
use super::waiting::ResultPlace;
use crate::clock::{now_ms, now_ns};
use crate::invoker::{AttemptInput, Invoker};

/// Longest sleep of a worker without anything to do.
const IDLE: Duration = Duration::from_secs(1);

/// What a worker works with.
pub(super) struct Worker {
    pub(super) shards: Vec<Shard>,
    pub(super) router: Arc<Router>,
    pub(super) requests: Arc<AtomicUsize>,
    pub(super) committer: Arc<Committer>,
    pub(super) persisted: Arc<Persisted>,
    pub(super) invoker: Arc<Invoker>,
    pub(super) runtime: Handle,
    pub(super) spans: WorkerSpans,
    pub(super) attempts_max: u32,
    pub(super) deferred: VecDeque<Input>,
    pub(super) scratch: Vec<u8>,
    pub(super) outgoing: Outgoing,
    pub(super) next_expiry_ms: u64,
    pub(super) cleanup_interval_ms: u64,
    pub(super) swept: Instant,
    pub(super) stop: bool,
    /// A checkpoint wants this worker to hold.
    pub(super) hold: Option<Hold>,
}

/// What leaves together at the end of a turn.
#[derive(Default)]
pub(super) struct Outgoing {
    /// `(partition told, partition that stored)` → up to this message.
    acknowledgements: BTreeMap<(u16, u16), u64>,
}

/// Why a worker must stop, and the process with it.
#[derive(Debug)]
pub(super) enum Fatal {
    Partition(u16, PartitionError),
    Log(String),
}

impl std::fmt::Display for Fatal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Partition(number, error) => write!(f, "partition {number} stops: {error}"),
            Self::Log(reason) => write!(f, "the log stops: {reason}"),
        }
    }
}

impl Worker {
    /// Works until told to stop.
    pub(super) fn run(&mut self, mailbox: &Receiver<Input>) -> Result<(), Fatal> {
        let mut batch = self.committer.batch();
        for index in 0..self.shards.len() {
            let attempts_max = self.attempts_max;
            self.record(index, Body::Started { attempts_max }, &mut batch);
        }
        self.write(batch)?;
        while !self.stop {
            let mut batch = self.committer.batch();
            self.take_inputs(mailbox, &mut batch)?;
            self.fire_timers(&mut batch);
            self.expire(&mut batch)?;
            self.write(batch)?;
            self.release();
            self.flush_if_due(mailbox)?;
            self.hold_if_due();
            self.sweep_if_due();
        }
        self.shut_down(mailbox)
    }

    /// Takes what waits, or waits for something to come.
    fn take_inputs(&mut self, mailbox: &Receiver<Input>, batch: &mut Batch) -> Result<(), Fatal> {
        let limits = self.router.limits.clone();
        let mut left = limits.inputs_per_turn;
        if self.deferred.is_empty() {
            match mailbox.recv_timeout(self.wait()) {
                Ok(input) => self.take_input(input, mailbox, batch)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => self.stop = true,
            }
        }
        while left > 0 && batch.bytes() < limits.bytes_per_turn {
            let deferred = self.deferred.pop_front();
            let Some(input) = deferred.or_else(|| mailbox.try_recv().ok()) else {
                break;
            };
            self.take_input(input, mailbox, batch)?;
            left -= 1;
        }
        Ok(())
    }

    fn take_input(
        &mut self,
        input: Input,
        mailbox: &Receiver<Input>,
        batch: &mut Batch,
    ) -> Result<(), Fatal> {
        match input {
            Input::Delivered { .. } | Input::Acknowledged { .. } if self.is_holding() => {
                self.hold_input(input);
                Ok(())
            }
            Input::Cut(cut) => {
                // What was taken before belongs before the cut.
                let taken = std::mem::replace(batch, self.committer.batch());
                self.write(taken)?;
                self.cut(cut, mailbox)
            }
            input => self.handle(input, batch),
        }
    }

    /// How long to sleep: to the next timer, until spans are to be handed over, or a while.
    fn wait(&self) -> Duration {
        let idle = if self.is_cutting() { LOOK_AGAIN } else { IDLE };
        let idle = self.spans.due_in().map_or(idle, |due| due.min(idle));
        let next = self
            .shards
            .iter()
            .filter_map(|shard| shard.partition.machine().next_timer_ms())
            .min();
        match next {
            Some(at_ms) => Duration::from_millis(at_ms.saturating_sub(now_ms())).min(idle),
            None => idle,
        }
    }

    pub(super) fn shard_index(&self, partition: u16) -> usize {
        usize::from(partition) / self.router.mailboxes.len()
    }

    fn shard_of(&self, id: &everspan_protocol::ids::InvocationId) -> usize {
        self.shard_index(partition_of(id.partition_key(), self.router.partitions))
    }

    pub(super) fn record(&mut self, index: usize, body: Body, batch: &mut Batch) -> u64 {
        self.shards[index].record(body, now_ns(), &mut self.scratch, batch)
    }

    fn handle(&mut self, input: Input, batch: &mut Batch) -> Result<(), Fatal> {
        match input {
            Input::Submit {
                submission,
                reply,
                room,
            } => {
                self.requests.fetch_sub(1, Ordering::Relaxed);
                let index = self.shard_of(&submission.id);
                let shared = submission.idempotency_key.is_some();
                self.shards[index].waiting.submitted(submission.id, reply, shared);
                self.record(index, Body::Submit(submission), batch);
                drop(room);
            }
            Input::Ask { message, done } => {
                self.requests.fetch_sub(1, Ordering::Relaxed);
                let index = self.shard_of(message.recipient());
                let seq = self.record(index, Body::Asked(message), batch);
                self.shards[index].hold(seq, Held::Done(done));
            }
            Input::Progress { progress, permit } => {
                let index = self.shard_of(&progress.id);
                if progress.end.is_some() {
                    let shard = &mut self.shards[index];
                    let current = shard.running.get(&progress.id);
                    if current.is_some_and(|running| running.attempt == progress.attempt) {
                        shard.running.remove(&progress.id);
                    }
                }
                self.record(index, Body::Progress(progress), batch);
                drop(permit);
            }
            Input::Delivered {
                to,
                from,
                seq,
                message,
            } => {
                let index = self.shard_index(to);
                let record = self.record(index, Body::Delivered { from, seq, message }, batch);
                self.shards[index].hold(record, Held::Acknowledge { to: from, seq });
            }
            Input::Acknowledged { to, by, seq } => {
                let index = self.shard_index(to);
                self.record(index, Body::Acknowledged { by, seq }, batch);
            }
            Input::Synced { partition, seq } => {
                let index = self.shard_index(partition);
                self.shards[index].partition.synced(seq);
            }
            Input::Attach { id, wait, reply } => {
                self.requests.fetch_sub(1, Ordering::Relaxed);
                self.attach(id, wait, reply)?;
            }
            Input::Query { partition, query } => self.query(partition, query)?,
            Input::Cut(_) => unreachable!("a cut is taken between two batches"),
            Input::Stop => self.stop = true,
        }
        Ok(())
    }

    /// Hands the batch to the log, and applies its records while the log syncs.
    pub(super) fn write(&mut self, batch: Batch) -> Result<(), Fatal> {
        if !batch.is_empty() {
            self.committer
                .submit(batch)
                .map_err(|error| Fatal::Log(error.to_string()))?;
        }
        for shard in self.shards.iter_mut().filter(|shard| shard.dirty) {
            shard
                .apply()
                .map_err(|error| Fatal::Partition(shard.number, error))?;
        }
        Ok(())
    }

    fn fire_timers(&mut self, batch: &mut Batch) {
        let (now, limit) = (now_ms(), self.router.limits.timers_per_turn);
        for index in 0..self.shards.len() {
            for timer in self.shards[index].partition.machine().due_timers(now, limit) {
                self.record(index, Body::TimerFired(timer), batch);
            }
        }
    }

    /// Lets every effect and answer leave whose record is synced.
    pub(super) fn release(&mut self) {
        for index in 0..self.shards.len() {
            self.release_effects(index);
            while let Some(held) = self.shards[index].release_held() {
                self.answer(index, held);
            }
        }
        if self.spans.is_due() {
            self.push_spans();
        }
        for ((to, by), seq) in std::mem::take(&mut self.outgoing.acknowledgements) {
            // Sending fails only while the process stops; then the messages come again.
            drop(
                self.router
                    .mailbox(to)
                    .sender
                    .send(Input::Acknowledged { to, by, seq }),
            );
        }
    }

    fn release_effects(&mut self, index: usize) {
        let mut before = self.shards[index].partition.released_up_to();
        while let Some(effect) = self.shards[index].partition.release() {
            self.carry_out(index, effect);
            let released = self.shards[index].partition.released_up_to();
            if released > before && self.spans.is_long() {
                self.push_spans();
            }
            before = released;
        }
    }

    /// The spans of all records whose effects have left are in the writer, and none of any other record.
    pub(super) fn push_spans(&mut self) {
        let mark = |shard: &Shard| Mark {
            source: shard.number,
            upto: shard.partition.released_up_to(),
        };
        let marks: Vec<Mark> = self.shards.iter().map(mark).collect();
        self.spans.push(&marks);
    }

    fn carry_out(&mut self, index: usize, effect: Effect) {
        let shard = &mut self.shards[index];
        match effect {
            Effect::StartAttempt(start) => {
                let (inputs, receiver) = mpsc::unbounded_channel();
                shard.running.insert(
                    start.id,
                    Running {
                        attempt: start.attempt,
                        inputs,
                    },
                );
                let (invoker, router) = (Arc::clone(&self.invoker), Arc::clone(&self.router));
                self.runtime
                    .spawn(async move { invoker.run(*start, receiver, &*router).await });
            }
            Effect::Notify { id, attempt, frame } => {
                if let Some(running) = shard
                    .running
                    .get(&id)
                    .filter(|running| running.attempt == attempt)
                {
                    // The task may have just ended: then its end is on its way to us.
                    drop(running.inputs.send(AttemptInput::Notify(frame)));
                }
            }
            Effect::AbortAttempt { id, attempt } => {
                if shard
                    .running
                    .get(&id)
                    .is_some_and(|running| running.attempt == attempt)
                    && let Some(running) = shard.running.remove(&id)
                {
                    drop(running.inputs.send(AttemptInput::Abort));
                }
            }
            Effect::Accepted {
                id,
                known,
                execute_at_ms,
            } => {
                shard.waiting.accept(id, Accepted { known, execute_at_ms });
            }
            Effect::Completed {
                id,
                outcome,
                expires_ms,
            } => {
                let ended = Ended { outcome, expires_ms };
                shard.waiting.end(id, &ended);
            }
            Effect::Send { to, seq, message } => {
                let input = Input::Delivered {
                    to,
                    from: shard.number,
                    seq,
                    message,
                };
                // Sending fails only while the process stops; the outbox keeps the message for the next start.
                drop(self.router.mailbox(to).sender.send(input));
            }
            Effect::Spans(spans) => {
                self.spans.add(&spans);
                shard.partition.reuse(spans);
            }
        }
    }

    fn answer(&mut self, index: usize, held: Held) {
        match held {
            Held::Done(done) => drop(done.send(())),
            Held::Acknowledge { to, seq } => {
                let by = self.shards[index].number;
                self.outgoing.acknowledgements.insert((to, by), seq);
            }
            Held::Answer(answer) => answer(),
        }
    }

    fn attach(
        &mut self,
        id: everspan_protocol::ids::InvocationId,
        wait: bool,
        reply: tokio::sync::oneshot::Sender<AttachReply>,
    ) -> Result<(), Fatal> {
        let index = self.shard_of(&id);
        let shard = &mut self.shards[index];
        let fatal = |error| Fatal::Partition(shard.number, PartitionError::State(error));
        let answer = match shard.partition.machine().result(&id).map_err(fatal)? {
            ResultView::Unknown => AttachReply::Unknown,
            ResultView::UnderWay if wait => {
                shard.waiting.result(id, ResultPlace::Attach(reply));
                return Ok(());
            }
            ResultView::UnderWay => AttachReply::UnderWay,
            ResultView::Ended(outcome, expires_ms) => AttachReply::Ended(Ended {
                outcome,
                expires_ms: Some(expires_ms),
            }),
        };
        let seq = shard.partition.applied();
        shard.hold(seq, Held::Answer(Box::new(move || drop(reply.send(answer)))));
        Ok(())
    }

    /// Answers from the state, once all of it is synced that the answer shows.
    fn query(&mut self, partition: u16, query: Query) -> Result<(), Fatal> {
        let index = self.shard_index(partition);
        let shard = &mut self.shards[index];
        let fatal = |error| Fatal::Partition(shard.number, PartitionError::State(error));
        let machine = shard.partition.machine();
        let answer: Box<dyn FnOnce() + Send> = match query {
            Query::Invocation(id, reply) => {
                let view = machine.view(&id).map_err(fatal)?;
                Box::new(move || drop(reply.send(view)))
            }
            Query::Journal(id, reply) => {
                let journal = machine.journal(&id).map_err(fatal)?;
                Box::new(move || drop(reply.send(journal)))
            }
            Query::List(limit, reply) => {
                let list = machine.list(limit).map_err(fatal)?;
                Box::new(move || drop(reply.send(list)))
            }
        };
        let seq = shard.partition.applied();
        shard.hold(seq, Held::Answer(answer));
        Ok(())
    }
}
