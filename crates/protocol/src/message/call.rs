//! Commands that call, send, sleep and run.

use bytes::Bytes;

use super::Header;

/// Calls a handler and wants its result.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct CallCommand {
    /// The service.
    #[prost(string, tag = "1")]
    pub service_name: String,
    /// The handler.
    #[prost(string, tag = "2")]
    pub handler_name: String,
    /// The serialized argument.
    #[prost(bytes = "bytes", tag = "3")]
    pub parameter: Bytes,
    /// Headers of the request.
    #[prost(message, repeated, tag = "4")]
    pub headers: Vec<Header>,
    /// Key of the object or workflow; empty for services.
    #[prost(string, tag = "5")]
    pub key: String,
    /// Idempotency key of the request.
    #[prost(string, optional, tag = "6")]
    pub idempotency_key: Option<String>,
    /// Scope of the request (V7).
    #[prost(string, optional, tag = "7")]
    pub scope: Option<String>,
    /// Key of the concurrency limit (V7).
    #[prost(string, optional, tag = "8")]
    pub limit_key: Option<String>,
    /// Completion id of the notification with the invocation id.
    #[prost(uint32, tag = "10")]
    pub invocation_id_completion_id: u32,
    /// Completion id of the notification with the result.
    #[prost(uint32, tag = "11")]
    pub result_completion_id: u32,
    /// Entry name.
    #[prost(string, tag = "12")]
    pub name: String,
}

/// Sends to a handler, now or later; the result is nobody's concern.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct OneWayCallCommand {
    /// The service.
    #[prost(string, tag = "1")]
    pub service_name: String,
    /// The handler.
    #[prost(string, tag = "2")]
    pub handler_name: String,
    /// The serialized argument.
    #[prost(bytes = "bytes", tag = "3")]
    pub parameter: Bytes,
    /// When to begin, in milliseconds since the epoch; 0 or past means now.
    #[prost(uint64, tag = "4")]
    pub invoke_time: u64,
    /// Headers of the request.
    #[prost(message, repeated, tag = "5")]
    pub headers: Vec<Header>,
    /// Key of the object or workflow; empty for services.
    #[prost(string, tag = "6")]
    pub key: String,
    /// Idempotency key of the request.
    #[prost(string, optional, tag = "7")]
    pub idempotency_key: Option<String>,
    /// Scope of the request (V7).
    #[prost(string, optional, tag = "8")]
    pub scope: Option<String>,
    /// Key of the concurrency limit (V7).
    #[prost(string, optional, tag = "9")]
    pub limit_key: Option<String>,
    /// Completion id of the notification with the invocation id.
    #[prost(uint32, tag = "10")]
    pub invocation_id_completion_id: u32,
    /// Entry name.
    #[prost(string, tag = "12")]
    pub name: String,
}

/// Starts a timer.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct SleepCommand {
    /// When to wake up, in milliseconds since the epoch.
    #[prost(uint64, tag = "1")]
    pub wake_up_time: u64,
    /// Completion id of the answer.
    #[prost(uint32, tag = "11")]
    pub result_completion_id: u32,
    /// Entry name.
    #[prost(string, tag = "12")]
    pub name: String,
}

/// Runs a closure in the SDK, which then proposes its result.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct RunCommand {
    /// Completion id of the result.
    #[prost(uint32, tag = "11")]
    pub result_completion_id: u32,
    /// Entry name.
    #[prost(string, tag = "12")]
    pub name: String,
}
