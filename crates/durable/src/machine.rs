//! The invocation machine of one partition: one record in, state changes and effects out.
//!
//! [`Machine::apply`] dispatches; each kind of record is handled in a file of its own. Handlers load an
//! [`Invocation`], change it, and store it or complete it; they never hold two at once: what concerns another
//! invocation travels as a [`Message`], applied after the record's own work if it stays in this partition, through
//! the outbox if it leaves it.
//!
//! The state alone is the truth. What the machine keeps beside it (`timers`, the attempt slots) is worked out
//! again from the state when the partition opens.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use everspan_protocol::ids::{InvocationId, partition_of};
use everspan_state::{Backend, StateError};
use everspan_trace::otlp::EncodedSpans;

use crate::effect::Effect;
use crate::invocation::Invocation;
use crate::record::{Body, Message, Record, Timer};
use crate::tables::Tables;

mod attempt_end;
mod complete;
mod end_request;
mod journal;
mod lock;
mod message;
mod options;
mod owed;
mod retention;
mod slots;
mod spans;
mod start;
mod submit;
mod timer;

pub(crate) use journal::{outcome_result, void};
pub use options::{Keep, Options, SpanOptions, Takers};
#[cfg(test)]
pub(crate) use spans::AttemptOutcome;
pub(crate) use spans::{EndedAttempt, KeptRequest};

/// The machine of one partition.
pub struct Machine<B> {
    tables: Tables<B>,
    options: Options,
    timers: BTreeSet<Timer>,
    first_unacknowledged: BTreeMap<u16, u64>,
    slots: slots::Slots,
    local: VecDeque<Message>,
    effects: Vec<Effect>,
    now_ns: u64,
    /// Effects of this record have left in an earlier life.
    replaying: bool,
    /// Spans of this record are told.
    telling: bool,
    spans: spans::Teller,
}

impl<B: Backend> Machine<B> {
    /// Takes up the state of a partition.
    pub fn open(backend: B, options: Options) -> Result<Self, StateError> {
        let tables = Tables::new(backend);
        let timers = tables.timers()?.into_iter().collect();
        let mut first_unacknowledged = BTreeMap::new();
        for (to, seq, _) in tables.outbox()? {
            first_unacknowledged.entry(to).or_insert(seq);
        }
        let slots = slots::Slots::open(&tables)?;
        Ok(Self {
            tables,
            options,
            timers,
            first_unacknowledged,
            slots,
            local: VecDeque::new(),
            effects: Vec::new(),
            now_ns: 0,
            replaying: false,
            telling: false,
            spans: spans::Teller::default(),
        })
    }

    /// Applies one record and returns what the world is owed for it.
    ///
    /// An error means that the state cannot be read: the partition must stop, and nothing after it may be applied.
    pub fn apply(&mut self, position: u64, record: &Record) -> Result<Vec<Effect>, StateError> {
        self.replaying = false;
        self.telling = self.options.spans.takers.are_any();
        self.step(position, record)
    }

    /// Applies a record of an earlier life: its effects were carried out then, or are owed by what the state says
    /// when the next `Started` record is applied. Only its spans are returned, and only if nobody is known to have
    /// them: the same as in that life, to the last bit, as long as the options are.
    pub fn replay(&mut self, position: u64, record: &Record) -> Result<Vec<Effect>, StateError> {
        self.replaying = true;
        self.telling = self.options.spans.takers.are_any() && position > self.options.spans.told_to;
        self.step(position, record)
    }

    fn step(&mut self, position: u64, record: &Record) -> Result<Vec<Effect>, StateError> {
        self.now_ns = record.at_ns;
        match &record.body {
            Body::Started { attempts_max } => self.started(*attempts_max)?,
            Body::Stopped => self.stopped()?,
            Body::Submit(submission) => self.submit(submission)?,
            Body::Progress(progress) => self.progress(progress)?,
            Body::TimerFired(timer) => self.timer_fired(timer)?,
            Body::Delivered { from, seq, message } => self.delivered(*from, *seq, message)?,
            Body::Acknowledged { by, seq } => self.acknowledged(*by, *seq),
            Body::Asked(message) => self.message(message)?,
            Body::Expired(expiries) => self.expired(expiries)?,
        }
        while let Some(message) = self.local.pop_front() {
            self.message(&message)?;
        }
        self.fill_slots()?;
        self.tables.backend.commit(position);
        self.effects.extend(self.spans.take().map(Effect::Spans));
        Ok(std::mem::take(&mut self.effects))
    }

    /// Takes back the memory of spans that have left, for those of later records.
    pub fn reuse(&mut self, spans: EncodedSpans) {
        self.spans.reuse(spans);
    }

    /// The state under the machine.
    pub fn backend(&self) -> &B {
        &self.tables.backend
    }

    /// The state under the machine, for flushing between records.
    pub fn backend_mut(&mut self) -> &mut B {
        &mut self.tables.backend
    }

    /// When the earliest timer is due, ms since the epoch.
    pub fn next_timer_ms(&self) -> Option<u64> {
        self.timers.first().map(|timer| timer.at_ms)
    }

    /// Timers due by `now_ms`, the earliest first, at most `limit`.
    pub fn due_timers(&self, now_ms: u64, limit: usize) -> Vec<Timer> {
        self.timers
            .iter()
            .take_while(|timer| timer.at_ms <= now_ms)
            .take(limit)
            .cloned()
            .collect()
    }

    pub(crate) fn now_ns(&self) -> u64 {
        self.now_ns
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ns / 1_000_000
    }

    pub(crate) fn tables(&mut self) -> &mut Tables<B> {
        &mut self.tables
    }

    pub(crate) fn tables_ref(&self) -> &Tables<B> {
        &self.tables
    }

    fn emit(&mut self, effect: Effect) {
        if !self.replaying {
            self.effects.push(effect);
        }
    }

    /// Sends a message to the partition of its recipient: ours after this record's own work, another's through
    /// the outbox, where it stays until that partition has stored it.
    pub(crate) fn send(&mut self, message: Message) -> Result<(), StateError> {
        let to = partition_of(message.recipient().partition_key(), self.options.partitions);
        if to == self.options.partition {
            self.local.push_back(message);
            return Ok(());
        }
        let seq = self.tables.last_sent(to)? + 1;
        self.tables.put_last_sent(to, seq);
        self.tables.put_outbox(to, seq, &message);
        self.first_unacknowledged.entry(to).or_insert(seq);
        self.emit(Effect::Send { to, seq, message });
        Ok(())
    }

    pub(crate) fn set_timer(&mut self, timer: Timer) {
        self.tables.put_timer(&timer);
        self.timers.insert(timer);
    }

    fn drop_timer(&mut self, timer: &Timer) {
        if self.timers.remove(timer) {
            self.tables.delete_timer(timer);
        }
    }

    fn store(&mut self, id: &InvocationId, invocation: &Invocation) {
        self.tables.put_invocation(id, invocation);
    }
}
