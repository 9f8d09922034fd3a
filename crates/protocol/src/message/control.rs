//! Frames that steer an attempt and are never journal entries.

use bytes::Bytes;

use super::{Failure, Future};

/// The first frame of an attempt, runtime to SDK.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Start {
    /// The raw invocation id, 24 bytes.
    #[prost(bytes = "bytes", tag = "1")]
    pub id: Bytes,
    /// The invocation id as text, for logs.
    #[prost(string, tag = "2")]
    pub debug_id: String,
    /// How many commands and notifications follow as replay; at least 1, the input.
    #[prost(uint32, tag = "3")]
    pub known_entries: u32,
    /// The state of the key as of now.
    #[prost(message, repeated, tag = "4")]
    pub state_map: Vec<StateEntry>,
    /// Whether the state may have more than `state_map`. True for services without key.
    #[prost(bool, tag = "5")]
    pub partial_state: bool,
    /// The key of the object or workflow; empty for services.
    #[prost(string, tag = "6")]
    pub key: String,
    /// Failed attempts since the last entry was stored.
    #[prost(uint32, tag = "7")]
    pub retry_count_since_last_stored_entry: u32,
    /// Milliseconds since the last entry was stored.
    #[prost(uint64, tag = "8")]
    pub duration_since_last_stored_entry: u64,
    /// Seed of the SDK's random numbers, the same in every attempt (V6).
    #[prost(uint64, tag = "9")]
    pub random_seed: u64,
    /// Scope of the invocation (V7).
    #[prost(string, optional, tag = "10")]
    pub scope: Option<String>,
    /// Key of the concurrency limit (V7).
    #[prost(string, optional, tag = "11")]
    pub limit_key: Option<String>,
    /// Idempotency key of the request (V7).
    #[prost(string, optional, tag = "12")]
    pub idempotency_key: Option<String>,
}

/// One value of state.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct StateEntry {
    /// The name.
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    /// The value.
    #[prost(bytes = "bytes", tag = "2")]
    pub value: Bytes,
}

/// The SDK cannot go on before one of these is notified; ends the attempt.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Suspension {
    /// Completion ids (up to V6).
    #[prost(uint32, repeated, tag = "1")]
    pub waiting_completions: Vec<u32>,
    /// Indexes of signals (up to V6).
    #[prost(uint32, repeated, tag = "2")]
    pub waiting_signals: Vec<u32>,
    /// Names of signals (up to V6).
    #[prost(string, repeated, tag = "3")]
    pub waiting_named_signals: Vec<String>,
    /// What to wait for as a tree (V7).
    #[prost(message, optional, tag = "4")]
    pub future: Option<Future>,
}

impl Suspension {
    /// Whether nothing is waited for, which is a protocol violation.
    pub fn is_empty(&self) -> bool {
        self.waiting_completions.is_empty()
            && self.waiting_signals.is_empty()
            && self.waiting_named_signals.is_empty()
            && self.future.as_ref().is_none_or(Future::is_empty)
    }
}

/// The attempt failed; ends it. The invocation is tried again unless told otherwise.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Error {
    /// An HTTP status, or one of the protocol's codes above 569.
    #[prost(uint32, tag = "1")]
    pub code: u32,
    /// What happened, for people.
    #[prost(string, tag = "2")]
    pub message: String,
    /// Where it happened, in the words of the SDK's language.
    #[prost(string, tag = "3")]
    pub stacktrace: String,
    /// Position among the commands (input = 0) of the one that failed.
    #[prost(uint32, optional, tag = "4")]
    pub related_command_index: Option<u32>,
    /// Entry name of the command that failed.
    #[prost(string, optional, tag = "5")]
    pub related_command_name: Option<String>,
    /// [`MessageType`](crate::frame::MessageType) of the command that failed.
    #[prost(uint32, optional, tag = "6")]
    pub related_command_type: Option<u32>,
    /// Milliseconds to wait before the next attempt, in place of the retry policy.
    #[prost(uint64, optional, tag = "8")]
    pub next_retry_delay: Option<u64>,
    /// What to do instead of the retry policy (V7).
    #[prost(enumeration = "ErrorBehavior", tag = "9")]
    pub behavior: i32,
}

/// What an [`Error`] asks for (V7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum ErrorBehavior {
    /// Follow the retry policy.
    Retry = 0,
    /// Pause the invocation.
    Pause = 1,
    /// Fail the invocation.
    Fail = 2,
}

/// The invocation is done; ends the attempt.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct End {}

/// A command that asked for it is stored, runtime to SDK.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct CommandAck {
    /// Position among the commands; input = 0.
    #[prost(uint32, tag = "1")]
    pub command_index: u32,
}

/// The SDK proposes the result of a run.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct ProposeRunCompletion {
    /// Completion id of the run.
    #[prost(uint32, tag = "1")]
    pub result_completion_id: u32,
    /// The result.
    #[prost(oneof = "RunProposal", tags = "14, 15")]
    pub result: Option<RunProposal>,
}

/// The result of a run.
#[derive(Clone, PartialEq, Eq, Hash, prost::Oneof)]
pub enum RunProposal {
    /// The serialized value itself, not a [`Value`](super::Value).
    #[prost(bytes = "bytes", tag = "14")]
    Value(Bytes),
    /// A terminal error.
    #[prost(message, tag = "15")]
    Failure(Failure),
}

/// A proposal is stored, runtime to SDK (V7).
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct ProposeRunCompletionAck {
    /// Completion id of the run.
    #[prost(uint32, tag = "1")]
    pub completion_id: u32,
}

/// A hint of what the SDK waits for (V7).
#[derive(Clone, PartialEq, prost::Message)]
pub struct AwaitingOn {
    /// What is waited for.
    #[prost(message, optional, tag = "1")]
    pub future: Option<Future>,
    /// Whether runs are being executed meanwhile.
    #[prost(bool, tag = "2")]
    pub executing_side_effects: bool,
}
