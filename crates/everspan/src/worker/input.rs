//! Everything that can wake a worker.

use everspan_durable::record::{Message, Outcome, Progress, Submission};
use everspan_durable::view::{EntryView, InvocationView};
use everspan_protocol::ids::InvocationId;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::cut::Cut;
use super::router::Room;

/// What a worker is told.
pub enum Input {
    /// A client asks for an invocation.
    Submit {
        /// The request.
        submission: Box<Submission>,
        /// Who waits.
        reply: Reply,
        /// The memory its body takes until it is a record.
        room: Room,
    },
    /// A client sends a message to an invocation; told when it is stored.
    Ask {
        /// The message.
        message: Message,
        /// Told when it is durable.
        done: oneshot::Sender<()>,
    },
    /// A client wants the result of an invocation.
    Attach {
        /// Which.
        id: InvocationId,
        /// Whether it waits for the end.
        wait: bool,
        /// Told the result.
        reply: oneshot::Sender<AttachReply>,
    },
    /// An attempt speaks.
    Progress {
        /// What it says.
        progress: Box<Progress>,
        /// The memory it takes until it is applied.
        permit: OwnedSemaphorePermit,
    },
    /// A message of another partition.
    Delivered {
        /// The receiving partition.
        to: u16,
        /// The sender.
        from: u16,
        /// Its number.
        seq: u64,
        /// What it says.
        message: Message,
    },
    /// Another partition has stored our messages.
    Acknowledged {
        /// The partition told.
        to: u16,
        /// The one that stored them.
        by: u16,
        /// Up to this number.
        seq: u64,
    },
    /// An operator looks.
    Query {
        /// The partition asked.
        partition: u16,
        /// The question.
        query: Query,
    },
    /// The log has synced records of a partition.
    Synced {
        /// The partition.
        partition: u16,
        /// Up to this record.
        seq: u64,
    },
    /// A checkpoint wants something of all partitions of the worker.
    Cut(Cut),
    /// Flush the state and stop.
    Stop,
}

/// Who waits for a submission.
pub enum Reply {
    /// Wants the result.
    Result(oneshot::Sender<Ended>),
    /// Wants to know that it is accepted.
    Accepted(oneshot::Sender<Accepted>),
}

/// The result of an invocation.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The result.
    pub outcome: Outcome,
    /// When the result is forgotten, if it was stored before this was asked, ms since the epoch.
    pub expires_ms: Option<u64>,
}

/// A submission is stored.
#[derive(Clone, Copy, Debug)]
pub struct Accepted {
    /// Whether its invocation was known before.
    pub known: bool,
    /// A later begin, ms since the epoch.
    pub execute_at_ms: Option<u64>,
}

/// What is known of a result.
#[derive(Debug)]
pub enum AttachReply {
    /// No such invocation.
    Unknown,
    /// Not yet.
    UnderWay,
    /// This.
    Ended(Ended),
}

/// What an operator wants to see.
pub enum Query {
    /// One invocation.
    Invocation(InvocationId, oneshot::Sender<Option<InvocationView>>),
    /// Its journal.
    Journal(InvocationId, oneshot::Sender<Vec<EntryView>>),
    /// Invocations, at most so many.
    List(usize, oneshot::Sender<Vec<InvocationView>>),
}
