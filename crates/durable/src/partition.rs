//! Log and machine joined by one rule: **an effect leaves only after the record that caused it is synced.**
//!
//! ```text
//! prepare(what happened) ─► bytes for the log ─┬─► (the log syncs) ─► synced(seq) ─► effects leave
//!                                              └─► apply_prepared() meanwhile: state changes, effects held
//! ```
//!
//! Start-up is recovery: [`Partition::replay`] for every record behind the state, then a `Started` record.

use std::collections::VecDeque;
use std::fmt;

use everspan_state::{Backend, StateError};
use everspan_trace::otlp::EncodedSpans;

use crate::effect::Effect;
use crate::machine::{Machine, Options};
use crate::record::{Body, Record, RecordError};

/// A partition: its machine, what is on its way into the log, and the effects that wait for the sync.
pub struct Partition<B> {
    machine: Machine<B>,
    applied: u64,
    last: u64,
    synced: u64,
    clock_ns: u64,
    prepared: VecDeque<(u64, Record)>,
    held: VecDeque<(u64, Effect)>,
}

/// Why a partition must stop.
#[derive(Debug)]
pub enum PartitionError {
    /// Its state cannot be read.
    State(StateError),
    /// Its log holds something that is no record.
    Record {
        /// Where.
        seq: u64,
        /// What is wrong.
        error: RecordError,
    },
    /// Its log does not go on where its state ends.
    Gap {
        /// The last record the state has applied.
        applied: u64,
        /// The next one in the log.
        seq: u64,
    },
}

impl fmt::Display for PartitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State(error) => write!(f, "{error}"),
            Self::Record { seq, error } => write!(f, "log record {seq}: {error}"),
            Self::Gap { applied, seq } => {
                write!(
                    f,
                    "the state ends with record {applied}, the log goes on with {seq}: records are missing"
                )
            }
        }
    }
}

impl std::error::Error for PartitionError {}

impl From<StateError> for PartitionError {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

impl<B: Backend> Partition<B> {
    /// Takes up the state of a partition; replay comes next.
    pub fn open(backend: B, options: Options) -> Result<Self, PartitionError> {
        let applied = backend.applied();
        let machine = Machine::open(backend, options)?;
        Ok(Self {
            machine,
            applied,
            last: applied,
            synced: applied,
            clock_ns: 0,
            prepared: VecDeque::new(),
            held: VecDeque::new(),
        })
    }

    /// Applies a record of the log again, if the state does not have it yet. Its effects were carried out in an
    /// earlier life or are owed by what the state says; only its spans are returned, if nobody is known to have them
    /// ([`SpanOptions::told_to`](crate::machine::SpanOptions::told_to)).
    pub fn replay(&mut self, seq: u64, payload: &[u8]) -> Result<Vec<Effect>, PartitionError> {
        if seq <= self.applied {
            return Ok(Vec::new());
        }
        if seq != self.applied + 1 {
            return Err(PartitionError::Gap {
                applied: self.applied,
                seq,
            });
        }
        let record = Record::decode(payload).map_err(|error| PartitionError::Record { seq, error })?;
        let spans = self.machine.replay(seq, &record)?;
        self.clock_ns = record.at_ns;
        (self.applied, self.last, self.synced) = (seq, seq, seq);
        Ok(spans)
    }

    /// Turns what happened into the next record: appends its bytes to `out` and returns its number. The time is
    /// `now_ns`, or the time of the record before if the wall clock went back.
    pub fn prepare(&mut self, body: Body, now_ns: u64, out: &mut Vec<u8>) -> u64 {
        self.clock_ns = self.clock_ns.max(now_ns);
        let record = Record {
            at_ns: self.clock_ns,
            body,
        };
        record.encode(out);
        self.last += 1;
        self.prepared.push_back((self.last, record));
        self.last
    }

    /// Applies all that is prepared; the effects are held.
    pub fn apply_prepared(&mut self) -> Result<(), PartitionError> {
        while let Some((seq, record)) = self.prepared.pop_front() {
            let effects = self.machine.apply(seq, &record)?;
            self.applied = seq;
            self.held.extend(effects.into_iter().map(|effect| (seq, effect)));
        }
        Ok(())
    }

    /// The log has synced everything up to `seq`: the next effect that may leave, until there is none.
    pub fn release(&mut self) -> Option<Effect> {
        match self.held.front() {
            Some(&(seq, _)) if seq <= self.synced => self.held.pop_front().map(|(_, effect)| effect),
            _ => None,
        }
    }

    /// Notes that the log has synced everything up to `seq`; call [`Partition::release`] then.
    pub fn synced(&mut self, seq: u64) {
        assert!(
            seq <= self.last,
            "record {seq} was synced before it was made, the last is {}",
            self.last
        );
        self.synced = self.synced.max(seq);
    }

    /// The last record applied.
    pub fn applied(&self) -> u64 {
        self.applied
    }

    /// Whether everything applied is synced: only then may the state be flushed.
    pub fn is_settled(&self) -> bool {
        self.synced == self.applied && self.prepared.is_empty()
    }

    /// The last record synced.
    pub fn synced_up_to(&self) -> u64 {
        self.synced
    }

    /// The last record all of whose effects have left.
    pub fn released_up_to(&self) -> u64 {
        let next = self.held.front().map_or(u64::MAX, |&(seq, _)| seq);
        self.synced.min(self.applied).min(next - 1)
    }

    /// Effects that wait for the log.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Takes back the memory of spans that have left, for those of later records.
    pub fn reuse(&mut self, spans: EncodedSpans) {
        self.machine.reuse(spans);
    }

    /// The machine, for views and timers.
    pub fn machine(&self) -> &Machine<B> {
        &self.machine
    }

    /// Whether a flush that was begun has ended: `None` while it is under way, else the durable position.
    pub fn poll_flush(&mut self) -> Result<Option<u64>, PartitionError> {
        Ok(self.machine.backend_mut().poll_flush()?)
    }

    /// The state, for flushing. Refuses while records are applied that the log has not synced, so that the state on
    /// disk never runs ahead of the log.
    pub fn backend_mut(&mut self) -> &mut B {
        assert!(
            self.is_settled(),
            "the state is flushed only when the log has synced all of it"
        );
        self.machine.backend_mut()
    }
}
