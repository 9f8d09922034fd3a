//! Commands about workflow promises and awakeables.

use super::{Failure, Value};

/// Waits for a promise of the workflow.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct GetPromiseCommand {
    /// Name of the promise.
    #[prost(string, tag = "1")]
    pub key: String,
    /// Completion id of the answer.
    #[prost(uint32, tag = "11")]
    pub result_completion_id: u32,
    /// Entry name.
    #[prost(string, tag = "12")]
    pub name: String,
}

/// Looks at a promise of the workflow without waiting.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct PeekPromiseCommand {
    /// Name of the promise.
    #[prost(string, tag = "1")]
    pub key: String,
    /// Completion id of the answer.
    #[prost(uint32, tag = "11")]
    pub result_completion_id: u32,
    /// Entry name.
    #[prost(string, tag = "12")]
    pub name: String,
}

/// Completes a promise of the workflow.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct CompletePromiseCommand {
    /// Name of the promise.
    #[prost(string, tag = "1")]
    pub key: String,
    /// What to complete it with.
    #[prost(oneof = "Completion", tags = "2, 3")]
    pub completion: Option<Completion>,
    /// Completion id of the answer.
    #[prost(uint32, tag = "11")]
    pub result_completion_id: u32,
    /// Entry name.
    #[prost(string, tag = "12")]
    pub name: String,
}

/// What a promise or an awakeable is completed with.
#[derive(Clone, PartialEq, Eq, Hash, prost::Oneof)]
pub enum Completion {
    /// A value.
    #[prost(message, tag = "2")]
    Value(Value),
    /// A terminal error.
    #[prost(message, tag = "3")]
    Failure(Failure),
}

/// Completes an awakeable of any invocation.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct CompleteAwakeableCommand {
    /// The awakeable, `sign_1…`.
    #[prost(string, tag = "1")]
    pub awakeable_id: String,
    /// What to complete it with.
    #[prost(oneof = "Completion", tags = "2, 3")]
    pub result: Option<Completion>,
    /// Entry name.
    #[prost(string, tag = "12")]
    pub name: String,
}
