//! Parts that several messages are made of.

use bytes::Bytes;

/// A value of the user; opaque.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Value {
    /// The serialized value.
    #[prost(bytes = "bytes", tag = "1")]
    pub content: Bytes,
}

impl From<Bytes> for Value {
    fn from(content: Bytes) -> Self {
        Self { content }
    }
}

/// Nothing, but present.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct Void {}

/// A terminal error: an outcome, not a reason to retry.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Failure {
    /// An HTTP status, or one of the protocol's codes above 569.
    #[prost(uint32, tag = "1")]
    pub code: u32,
    /// What happened, for people.
    #[prost(string, tag = "2")]
    pub message: String,
    /// Pairs added by the user (V6).
    #[prost(message, repeated, tag = "3")]
    pub metadata: Vec<FailureMetadata>,
}

impl Failure {
    /// A failure without metadata.
    pub fn new(code: u32, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            metadata: Vec::new(),
        }
    }
}

/// A pair added to a [`Failure`].
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct FailureMetadata {
    /// The name.
    #[prost(string, tag = "1")]
    pub key: String,
    /// The value.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// A header of a request between invocations.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Header {
    /// The name.
    #[prost(string, tag = "1")]
    pub key: String,
    /// The value.
    #[prost(string, tag = "2")]
    pub value: String,
}

impl Header {
    /// A header.
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            value: value.into(),
        }
    }
}

/// The names of all values of state of one key.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct StateKeys {
    /// The names, in no particular order.
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub keys: Vec<Bytes>,
}
