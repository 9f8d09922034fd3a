//! Everything that can happen to a partition, as data: the content of the log.
//!
//! A record is encoded with Borsh (canonical: one value, one encoding) behind one version byte. Variants are only
//! ever appended; a changed one becomes a new variant, so that old logs stay readable.

use borsh::{BorshDeserialize, BorshSerialize};
use bytes::Bytes;
use everspan_protocol::ids::{DeploymentId, InvocationId};
use everspan_trace::{SpanContext, SpanId};

use crate::policy::{Retention, RetryPolicy};
use crate::target::{HandlerKind, Target};

/// The version written before each record.
pub const RECORD_VERSION: u8 = 2;

/// One thing that happened, and when.
#[derive(Clone, Debug, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct Record {
    /// Wall clock of the partition, ns since the Unix epoch; never goes back within a partition.
    pub at_ns: u64,
    /// What happened.
    pub body: Body,
}

/// The kinds of things that happen.
#[derive(Clone, Debug, PartialEq, BorshSerialize, BorshDeserialize)]
pub enum Body {
    /// The server came up: attempts that were under way are lost and begin again.
    Started {
        /// Attempts at a time from now on; more wait their turn, first come first served.
        attempts_max: u32,
    },
    /// A client asks for an invocation.
    Submit(Box<Submission>),
    /// What an attempt said since its last record.
    Progress(Box<Progress>),
    /// A timer is due.
    TimerFired(Timer),
    /// Another partition's message arrived; `seq` counts from 1 for each sender.
    Delivered {
        /// The sending partition.
        from: u16,
        /// Its number in the sender's outbox.
        seq: u64,
        /// What it says.
        message: Message,
    },
    /// Another partition has stored our messages up to `seq`.
    Acknowledged {
        /// The receiving partition.
        by: u16,
        /// The last stored number.
        seq: u64,
    },
    /// A message from outside the partitions: an awakeable completed, a cancel, a kill, by a client.
    Asked(Message),
    /// Retentions ended.
    Expired(Vec<Expiry>),
    /// The server goes down in order: attempts give their slots away until it is back.
    Stopped,
}

/// A request to run a handler, whoever makes it.
#[derive(Clone, Debug, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct Submission {
    /// The id; derived from the idempotency key or workflow key where there is one.
    pub id: InvocationId,
    /// What to run.
    pub target: Target,
    /// What the deployment says of the handler.
    pub handler: HandlerFacts,
    /// Headers for the handler, in order.
    pub headers: Vec<(String, String)>,
    /// The argument, raw.
    pub argument: Bytes,
    /// Not before this time, ms since the epoch; `None` = now.
    pub execute_at_ms: Option<u64>,
    /// The idempotency key, if one was given.
    pub idempotency_key: Option<String>,
    /// Who asks.
    pub source: Source,
    /// Where its trace comes from.
    pub trace: TraceOrigin,
}

/// What the deployment's manifest says of a handler, resolved when it is called.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct HandlerFacts {
    /// How it runs beside others.
    pub kind: HandlerKind,
    /// How long the ended invocation is kept.
    pub retention: Retention,
    /// Whether state is only sent on demand.
    pub lazy_state: bool,
}

/// Who asked for an invocation.
#[derive(Clone, Debug, PartialEq, BorshSerialize, BorshDeserialize)]
pub enum Source {
    /// An HTTP client.
    Ingress(IngressRequest),
    /// Another invocation, which awaits the result under this completion id.
    Call(Waiter),
    /// Another invocation, one way.
    Send(InvocationId),
}

/// What the ingress span tells of a request.
#[derive(Clone, Debug, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct IngressRequest {
    /// The span's id; the submission's trace context names it as the parent.
    pub span_id: SpanId,
    /// The span of the client, if it sent a valid `traceparent`.
    pub parent: Option<SpanId>,
    /// When the request line and headers were read, ns since the epoch.
    pub received_ns: u64,
    /// HTTP method.
    pub method: String,
    /// URL path.
    pub path: String,
    /// Client address and port.
    pub client: Option<(String, u16)>,
    /// The `user-agent` header.
    pub user_agent: Option<String>,
    /// Whether the client only wants it accepted (`/send`).
    pub one_way: bool,
}

/// Where the trace of an invocation comes from.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TraceOrigin {
    /// The span that caused it; sampling and `tracestate` are inherited.
    pub cause: SpanContext,
    /// `true`: same trace, child of the cause. `false`: a trace of its own that links to the cause.
    pub joins: bool,
}

/// An invocation that awaits a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Waiter {
    /// The invocation.
    pub id: InvocationId,
    /// The completion it awaits.
    pub completion_id: u32,
    /// The kind of notification it expects: a message type of the service protocol.
    pub notification: u16,
}

/// What an attempt said: frames in order, then perhaps how it ended.
#[derive(Clone, Debug, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct Progress {
    /// The invocation.
    pub id: InvocationId,
    /// The attempt's number; a record of an older attempt is void.
    pub attempt: u32,
    /// The deployment the attempt runs on, once it has answered.
    pub pin: Option<Pin>,
    /// Frames to store.
    pub frames: Vec<StoredFrame>,
    /// How the attempt ended, if it did.
    pub end: Option<AttemptEnd>,
}

/// A frame of the service protocol as the SDK sent it.
#[derive(Clone, Debug, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct StoredFrame {
    /// Message type.
    pub ty: u16,
    /// Body, not decoded.
    pub body: Bytes,
    /// For a call: what the deployments say of its target.
    pub callee: Option<HandlerFacts>,
}

/// The deployment that serves an invocation; the first that answered stays.
#[derive(Clone, Debug, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct Pin {
    /// Its id.
    pub deployment: DeploymentId,
    /// Its address, for spans.
    pub address: String,
    /// The service protocol's version spoken.
    pub protocol_version: u32,
    /// Its retry policy for the handler, for failures the machine finds itself.
    pub policy: RetryPolicy,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, BorshSerialize, BorshDeserialize)]
pub enum AttemptEnd {
    /// The SDK sent End: the Output before it is the result.
    Ended,
    /// The SDK waits for any of these.
    Suspended(Awaiting),
    /// It failed and may be tried again.
    Failed(Failed),
}

/// A failed attempt.
#[derive(Clone, Debug, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct Failed {
    /// Why.
    pub error: AttemptError,
    /// The policy in force.
    pub policy: RetryPolicy,
    /// The delay the service asked for, ms; it overrides the policy's once.
    pub retry_after_ms: Option<u64>,
}

/// Why an attempt failed, in the service's words or ours.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AttemptError {
    /// An HTTP status or a code of the service protocol (570, 571, …).
    pub code: u16,
    /// The message.
    pub message: String,
    /// The service's stack trace, if it sent one.
    pub stacktrace: String,
}

/// What a suspended invocation waits for; any one suffices.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Awaiting {
    /// Completion ids.
    pub completions: Vec<u32>,
    /// Numbered signals.
    pub signals: Vec<u32>,
    /// Named signals.
    pub named_signals: Vec<String>,
}

/// The name of a signal within its invocation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum SignalName {
    /// 1 = cancel, 17… = awakeables in the order of their creation.
    Index(u32),
    /// Chosen by the user.
    Name(String),
}

impl SignalName {
    /// The longest name chosen by a user, bytes.
    pub const NAME_MAX: usize = 16 * 1024;

    /// Whether the state can hold it.
    pub fn is_storable(&self) -> bool {
        match self {
            Self::Index(_) => true,
            Self::Name(name) => name.len() <= Self::NAME_MAX,
        }
    }
}

/// A result: of an invocation, a call, an awakeable.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Outcome {
    /// The bytes returned.
    Success(Bytes),
    /// A terminal error.
    Failure(Failure),
}

/// A terminal error.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Failure {
    /// An HTTP status where it is one.
    pub code: u16,
    /// The text.
    pub message: String,
    /// What the handler attached (protocol V6).
    pub metadata: Vec<(String, String)>,
}

impl Failure {
    /// A failure without metadata.
    pub fn new(code: u16, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            metadata: Vec::new(),
        }
    }

    /// The HTTP status a client is told: the code where it is one of a failure, else 500.
    pub fn http_status(&self) -> u16 {
        if (400..=999).contains(&self.code) {
            self.code
        } else {
            500
        }
    }
}

/// What one partition, or a client, tells the partition of an invocation.
#[derive(Clone, Debug, PartialEq, BorshSerialize, BorshDeserialize)]
pub enum Message {
    /// Run this.
    Invoke(Box<Submission>),
    /// A result for one that waits; `None` = no result yet (of a peek).
    Complete {
        /// Who waits.
        waiter: Waiter,
        /// The result.
        outcome: Option<Outcome>,
    },
    /// A signal; an awakeable is one.
    Signal {
        /// The receiver.
        id: InvocationId,
        /// Which.
        name: SignalName,
        /// Its value; `None` = without one.
        outcome: Option<Outcome>,
    },
    /// Tell the waiter the result of `id`, when there is one.
    Attach {
        /// Whose result.
        id: InvocationId,
        /// Who waits.
        waiter: Waiter,
    },
    /// Tell the waiter the result of `id` if there is one, at once.
    Peek {
        /// Whose result.
        id: InvocationId,
        /// Who asks.
        waiter: Waiter,
    },
    /// Ask the invocation to end.
    Cancel(InvocationId),
    /// End the invocation and its children, whatever they do.
    Kill(InvocationId),
    /// Forget the ended invocation now.
    Purge(InvocationId),
}

impl Message {
    /// The invocation the message concerns; it decides the partition.
    pub fn recipient(&self) -> &InvocationId {
        match self {
            Self::Invoke(submission) => &submission.id,
            Self::Complete { waiter, .. } => &waiter.id,
            Self::Signal { id, .. } | Self::Attach { id, .. } | Self::Peek { id, .. } => id,
            Self::Cancel(id) | Self::Kill(id) | Self::Purge(id) => id,
        }
    }
}

/// A timer: a time and what happens then.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Timer {
    /// When it is due, ms since the epoch.
    pub at_ms: u64,
    /// The invocation it belongs to.
    pub id: InvocationId,
    /// What for.
    pub purpose: TimerPurpose,
}

/// What a timer is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum TimerPurpose {
    /// A delayed invocation begins.
    Begin,
    /// The next attempt begins.
    Retry {
        /// Its number.
        attempt: u32,
    },
    /// A sleep ends.
    Sleep {
        /// The completion it gives.
        completion_id: u32,
    },
}

/// An ended retention.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Expiry {
    /// When, ms since the epoch.
    pub at_ms: u64,
    /// Of which invocation.
    pub id: InvocationId,
    /// Of the whole invocation, or of its journal only.
    pub journal_only: bool,
}

/// Why the bytes of a record are none.
#[derive(Debug)]
pub enum RecordError {
    /// Written by a version of Everspan this one does not know.
    Version(u8),
    /// Not a record, although the log's checksum holds.
    Malformed(String),
}

impl std::fmt::Display for RecordError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Version(version) => {
                write!(f, "record version {version}, this server reads {RECORD_VERSION}")
            }
            Self::Malformed(why) => write!(f, "malformed record: {why}"),
        }
    }
}

impl std::error::Error for RecordError {}

impl Record {
    /// Appends the encoded record to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(RECORD_VERSION);
        self.serialize(out).expect("writing to memory cannot fail");
    }

    /// Decodes what [`Record::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        match bytes.split_first() {
            Some((&RECORD_VERSION, rest)) => {
                Self::try_from_slice(rest).map_err(|e| RecordError::Malformed(e.to_string()))
            }
            Some((&version, _)) => Err(RecordError::Version(version)),
            None => Err(RecordError::Malformed("empty".into())),
        }
    }
}
