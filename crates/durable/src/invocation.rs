//! What the state keeps of an invocation: one value while it is under way, a smaller one after its end.
//!
//! ```text
//!             Submit (delay)          Submit              Submit, key taken
//!                  │                     │                      │
//!             Scheduled ──due──► [lock?] ┼──────────────────► Queued
//!                                        ▼                      │ lock free
//!          ┌─────────────────────────► [slot?] ◄────────────────┘
//!          │ due            awaited ──►  │ └─none free──► Ready ─┐ slot free
//!          │                    │        ▼                       │
//!      BackingOff ◄── fails ────┼───── Running ◄─────────────────┘
//!                          Suspended ◄─┘ │ └──────────────┐ attempts used up
//!                                        ▼ ended          ▼
//!                                    Completed          Paused
//!
//! When the server stops in order, what is Running becomes Ready.
//! ```

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use everspan_protocol::ids::InvocationId;
use everspan_trace::{FLAG_RANDOM, FLAG_SAMPLED, SpanContext, derive_span_id, derive_trace_id};

use crate::record::{AttemptError, Awaiting, HandlerFacts, Outcome, Pin, TraceOrigin, Waiter};
use crate::target::Target;

/// An invocation under way.
#[derive(Clone, Debug, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct Invocation {
    /// What runs.
    pub target: Target,
    /// What its deployment said of the handler when it was submitted.
    pub handler: HandlerFacts,
    /// When it was submitted, ns since the epoch.
    pub created_ns: u64,
    /// Where it stands; changed by [`Invocation::enter`] alone, which keeps the time spent.
    pub status: Status,
    /// Where its time went.
    pub time: TimeSpent,
    /// Entries in its journal.
    pub journal_len: u32,
    /// When the newest entry was stored, ns since the epoch.
    pub last_entry_ns: u64,
    /// Notifications among the entries.
    pub notifications: u32,
    /// Who awaits the result.
    pub waiters: Vec<Waiter>,
    /// The idempotency key it came with.
    pub idempotency_key: Option<String>,
    /// Where its trace comes from.
    pub trace: TraceOrigin,
    /// The deployment that serves it, once one has answered.
    pub pin: Option<Pin>,
    /// The attempt under way, or the last one.
    pub attempt: AttemptState,
    /// Failures since the newest entry was stored.
    pub failures: u32,
    /// The newest failure.
    pub last_error: Option<AttemptError>,
    /// The result the journal holds, until the SDK's End arrives.
    pub output: Option<Outcome>,
    /// Sleeps under way: completion id → due, ms since the epoch.
    pub sleeps: BTreeMap<u32, u64>,
    /// Set if its trace is not sampled, but its spans are kept until its end decides.
    pub kept: Option<Kept>,
}

/// What is known of the spans kept of an invocation, beside the rows that hold them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Kept {
    /// When its first attempt began, ns since the epoch; 0 = not yet.
    pub begun_ns: u64,
    /// The oldest attempt kept; those before it went because there were too many.
    pub oldest: u32,
}

/// Where the time of an invocation went, ns. The parts sum to the time from its submission to `counted_to_ns`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TimeSpent {
    /// Waiting to begin: for its time, for the lock of its key, for a slot.
    pub queued_ns: u64,
    /// In attempts.
    pub running_ns: u64,
    /// Suspended or paused.
    pub suspended_ns: u64,
    /// Between a failed attempt and the next.
    pub backoff_ns: u64,
    /// Up to when it is counted, ns since the epoch.
    pub counted_to_ns: u64,
}

impl TimeSpent {
    /// All of it.
    pub fn whole_ns(&self) -> u64 {
        self.queued_ns + self.running_ns + self.suspended_ns + self.backoff_ns
    }

    /// Counts the time up to now as spent in `status`.
    fn count(&mut self, status: &Status, now_ns: u64) {
        let part = match status {
            Status::Scheduled { .. } | Status::Queued { .. } | Status::Ready { .. } => &mut self.queued_ns,
            Status::Running => &mut self.running_ns,
            Status::BackingOff { .. } => &mut self.backoff_ns,
            Status::Suspended(_) | Status::Paused => &mut self.suspended_ns,
        };
        *part += now_ns.saturating_sub(self.counted_to_ns);
        self.counted_to_ns = now_ns;
    }
}

/// Where an invocation stands.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Status {
    /// Begins at a later time.
    Scheduled {
        /// When, ms since the epoch.
        at_ms: u64,
    },
    /// Waits for the lock of its key.
    Queued {
        /// Its place.
        place: u64,
    },
    /// Waits for a slot, its next attempt's.
    Ready {
        /// Its place among those that wait.
        place: u64,
        /// Why that attempt will begin.
        cause: AttemptCause,
    },
    /// An attempt is under way.
    Running,
    /// The next attempt is due later.
    BackingOff {
        /// When, ms since the epoch.
        until_ms: u64,
    },
    /// Waits for a completion or signal.
    Suspended(Awaiting),
    /// Attempts used up; an operator decides.
    Paused,
}

impl Status {
    /// The name operators see.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Scheduled { .. } => "scheduled",
            Self::Queued { .. } => "pending",
            Self::Ready { .. } => "ready",
            Self::Running => "running",
            Self::BackingOff { .. } => "backing-off",
            Self::Suspended(_) => "suspended",
            Self::Paused => "paused",
        }
    }
}

/// An attempt, as far as the state knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AttemptState {
    /// From 1; 0 = none yet.
    pub number: u32,
    /// Why it began.
    pub cause: AttemptCause,
    /// When it began, ns since the epoch.
    pub started_ns: u64,
    /// The first journal entry that is not a replay to it.
    pub first_entry: u32,
}

/// Why an attempt began (TRACES §1, `everspan.attempt.cause`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum AttemptCause {
    /// The first one.
    #[default]
    First = 0,
    /// The one before failed.
    Retry = 1,
    /// What the one before waited for has come.
    Resume = 2,
    /// The server came back.
    Restart = 3,
}

impl AttemptCause {
    /// The attribute's value.
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Retry => "retry",
            Self::Resume => "resume",
            Self::Restart => "restart",
        }
    }
}

/// An ended invocation, as long as it is kept.
#[derive(Clone, Debug, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct Completed {
    /// What ran.
    pub target: Target,
    /// Its kind and retention.
    pub handler: HandlerFacts,
    /// Submitted, ns since the epoch.
    pub created_ns: u64,
    /// Ended, ns since the epoch.
    pub completed_ns: u64,
    /// The result.
    pub outcome: Outcome,
    /// When the result is forgotten, ms since the epoch.
    pub expires_ms: u64,
    /// Entries in its journal, 0 when not kept.
    pub journal_len: u32,
    /// Attempts made.
    pub attempts: u32,
    /// The key it came with.
    pub idempotency_key: Option<String>,
    /// Its start span, for links.
    pub start_span: SpanContext,
    /// Where it ran.
    pub pin: Option<Pin>,
}

const START: u64 = 0;
const END: u64 = 1;
const ATTEMPT: u64 = 1 << 32;

impl Invocation {
    /// Goes over to another status.
    pub fn enter(&mut self, status: Status, now_ns: u64) {
        self.time.count(&self.status, now_ns);
        self.status = status;
    }

    /// Where its time went up to now.
    pub fn time_spent(&self, now_ns: u64) -> TimeSpent {
        let mut time = self.time;
        time.count(&self.status, now_ns);
        time
    }

    /// The context of the start span: ids follow from the invocation id alone.
    pub fn start_span(&self, id: &InvocationId) -> SpanContext {
        start_span(id, &self.trace)
    }

    /// The context of the `number`-th attempt's span.
    pub fn attempt_span(&self, id: &InvocationId, number: u32) -> SpanContext {
        let span_id = derive_span_id(id.as_bytes(), ATTEMPT + u64::from(number));
        SpanContext {
            span_id,
            ..self.start_span(id)
        }
    }

    /// The context of the end span.
    pub fn end_span(&self, id: &InvocationId) -> SpanContext {
        SpanContext {
            span_id: derive_span_id(id.as_bytes(), END),
            ..self.start_span(id)
        }
    }
}

/// The context of the start span of an invocation with this origin.
pub fn start_span(id: &InvocationId, origin: &TraceOrigin) -> SpanContext {
    SpanContext {
        trace_id: if origin.joins {
            origin.cause.trace_id
        } else {
            derive_trace_id(id.as_bytes())
        },
        span_id: derive_span_id(id.as_bytes(), START),
        flags: if origin.joins {
            origin.cause.flags
        } else {
            // A trace of its own inherits the decision, and nothing that was said of another trace id.
            origin.cause.flags & FLAG_SAMPLED | FLAG_RANDOM
        },
        trace_state: if origin.joins {
            origin.cause.trace_state.clone()
        } else {
            String::new()
        },
    }
}

/// A stored journal entry.
#[derive(Clone, Debug, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct JournalEntry {
    /// Message type of the service protocol.
    pub ty: u16,
    /// Body as it goes over the wire.
    pub body: bytes::Bytes,
    /// When it was stored, ns since the epoch.
    pub at_ns: u64,
    /// The attempt during which it was stored, 0 before the first.
    pub attempt: u32,
}
