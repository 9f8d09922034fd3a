//! Commands that read and write the state of a key.

use bytes::Bytes;

use super::{StateKeys, Value, Void};

/// Asks for one value of state.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct GetLazyStateCommand {
    /// Name of the value.
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    /// Completion id of the answer.
    #[prost(uint32, tag = "11")]
    pub result_completion_id: u32,
    /// Entry name.
    #[prost(string, tag = "12")]
    pub name: String,
}

/// Writes one value of state.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct SetStateCommand {
    /// Name of the value.
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    /// The value.
    #[prost(message, optional, tag = "3")]
    pub value: Option<Value>,
    /// Entry name.
    #[prost(string, tag = "12")]
    pub name: String,
}

/// Removes one value of state.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct ClearStateCommand {
    /// Name of the value.
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    /// Entry name.
    #[prost(string, tag = "12")]
    pub name: String,
}

/// Removes all state of the key.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct ClearAllStateCommand {
    /// Entry name.
    #[prost(string, tag = "12")]
    pub name: String,
}

/// Asks for the names of all values of state.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct GetLazyStateKeysCommand {
    /// Completion id of the answer.
    #[prost(uint32, tag = "11")]
    pub result_completion_id: u32,
    /// Entry name.
    #[prost(string, tag = "12")]
    pub name: String,
}

/// The SDK read a value from the state map it was given.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct GetEagerStateCommand {
    /// Name of the value.
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    /// What was read.
    #[prost(oneof = "EagerState", tags = "13, 14")]
    pub result: Option<EagerState>,
    /// Entry name.
    #[prost(string, tag = "12")]
    pub name: String,
}

/// What the SDK found in the state map.
#[derive(Clone, PartialEq, Eq, Hash, prost::Oneof)]
pub enum EagerState {
    /// No value of that name.
    #[prost(message, tag = "13")]
    Void(Void),
    /// The value.
    #[prost(message, tag = "14")]
    Value(Value),
}

/// The SDK read the names of all values from the state map it was given.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct GetEagerStateKeysCommand {
    /// What was read.
    #[prost(message, optional, tag = "14")]
    pub value: Option<StateKeys>,
    /// Entry name.
    #[prost(string, tag = "12")]
    pub name: String,
}
