//! Commands about the beginning and the end of invocations, one's own and others'.

use super::{Failure, Header, Value};

/// The request; entry 0 of every journal, written by the runtime.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct InputCommand {
    /// Headers of the request.
    #[prost(message, repeated, tag = "1")]
    pub headers: Vec<Header>,
    /// Body of the request. Present even if empty.
    #[prost(message, optional, tag = "14")]
    pub value: Option<Value>,
    /// Entry name.
    #[prost(string, tag = "12")]
    pub name: String,
}

/// The result of the invocation; the next frame is `End`.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct OutputCommand {
    /// The result.
    #[prost(oneof = "OutputResult", tags = "14, 15")]
    pub result: Option<OutputResult>,
    /// Entry name.
    #[prost(string, tag = "12")]
    pub name: String,
}

/// The result of an invocation.
#[derive(Clone, PartialEq, Eq, Hash, prost::Oneof)]
pub enum OutputResult {
    /// A value.
    #[prost(message, tag = "14")]
    Value(Value),
    /// A terminal error.
    #[prost(message, tag = "15")]
    Failure(Failure),
}

/// Waits for the result of another invocation.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct AttachInvocationCommand {
    /// Which invocation.
    #[prost(oneof = "InvocationTarget", tags = "1, 3, 4")]
    pub target: Option<InvocationTarget>,
    /// Completion id of the answer.
    #[prost(uint32, tag = "11")]
    pub result_completion_id: u32,
    /// Entry name.
    #[prost(string, tag = "12")]
    pub name: String,
}

/// Asks for the result of another invocation without waiting.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct GetInvocationOutputCommand {
    /// Which invocation.
    #[prost(oneof = "InvocationTarget", tags = "1, 3, 4")]
    pub target: Option<InvocationTarget>,
    /// Completion id of the answer.
    #[prost(uint32, tag = "11")]
    pub result_completion_id: u32,
    /// Entry name.
    #[prost(string, tag = "12")]
    pub name: String,
}

/// How another invocation is named.
#[derive(Clone, PartialEq, Eq, Hash, prost::Oneof)]
pub enum InvocationTarget {
    /// By id, `inv_…`.
    #[prost(string, tag = "1")]
    InvocationId(String),
    /// By the idempotency key it was requested with.
    #[prost(message, tag = "3")]
    IdempotentRequest(IdempotentRequestTarget),
    /// By the workflow it runs.
    #[prost(message, tag = "4")]
    Workflow(WorkflowTarget),
}

/// An invocation that was requested with an idempotency key.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct IdempotentRequestTarget {
    /// The service.
    #[prost(string, tag = "1")]
    pub service_name: String,
    /// Key of the object or workflow; absent for services.
    #[prost(string, optional, tag = "2")]
    pub service_key: Option<String>,
    /// The handler.
    #[prost(string, tag = "3")]
    pub handler_name: String,
    /// The idempotency key.
    #[prost(string, tag = "4")]
    pub idempotency_key: String,
    /// Scope of the request (V7).
    #[prost(string, optional, tag = "5")]
    pub scope: Option<String>,
}

/// The run of a workflow.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct WorkflowTarget {
    /// The workflow.
    #[prost(string, tag = "1")]
    pub workflow_name: String,
    /// Its key.
    #[prost(string, tag = "2")]
    pub workflow_key: String,
    /// Scope of the request (V7).
    #[prost(string, optional, tag = "3")]
    pub scope: Option<String>,
}
