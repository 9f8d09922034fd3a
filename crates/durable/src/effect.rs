//! What the world is owed after a record: data, carried out by the edge once the record is synced.

use bytes::Bytes;
use everspan_protocol::ids::InvocationId;
use everspan_trace::SpanContext;
use everspan_trace::otlp::EncodedSpans;

use crate::invocation::AttemptCause;
use crate::record::{Message, Outcome, Pin};
use crate::target::{HandlerKind, Target};

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Begin a conversation with the service.
    StartAttempt(Box<StartAttempt>),
    /// An entry was appended to the journal of a running attempt: pass it on.
    Notify {
        /// The invocation.
        id: InvocationId,
        /// Its attempt.
        attempt: u32,
        /// The whole frame.
        frame: Bytes,
    },
    /// End the conversation at once: the invocation is over.
    AbortAttempt {
        /// The invocation.
        id: InvocationId,
        /// Its attempt.
        attempt: u32,
    },
    /// The submission is stored.
    Accepted {
        /// Its invocation.
        id: InvocationId,
        /// Whether that invocation was known before.
        known: bool,
        /// A later begin, ms since the epoch.
        execute_at_ms: Option<u64>,
    },
    /// The invocation has a result: tell the clients that wait.
    Completed {
        /// The invocation.
        id: InvocationId,
        /// The result.
        outcome: Outcome,
        /// Set when the result was stored before this was asked: when it expires, ms since the epoch.
        expires_ms: Option<u64>,
    },
    /// A message for another partition.
    Send {
        /// The receiver.
        to: u16,
        /// Number in our outbox for it.
        seq: u64,
        /// What to say.
        message: Message,
    },
    /// The spans that ended, in order.
    Spans(EncodedSpans),
}

/// All that a conversation with a service begins with.
#[derive(Clone, Debug, PartialEq)]
pub struct StartAttempt {
    /// The invocation.
    pub id: InvocationId,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// Why it begins.
    pub cause: AttemptCause,
    /// What to run.
    pub target: Target,
    /// How it runs.
    pub kind: HandlerKind,
    /// The deployment, if one is fixed already.
    pub pin: Option<Pin>,
    /// The attempt's span, for `traceparent`.
    pub span: SpanContext,
    /// Start and journal, as frames.
    pub replay: Bytes,
}
