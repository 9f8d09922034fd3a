//! The command that sends a signal.

use super::{Failure, Value, Void};

/// Sends a signal to an invocation. Index 1 without value is a cancellation.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct SendSignalCommand {
    /// The target, `inv_…`.
    #[prost(string, tag = "1")]
    pub target_invocation_id: String,
    /// Which signal.
    #[prost(oneof = "SignalId", tags = "2, 3")]
    pub signal_id: Option<SignalId>,
    /// What it carries.
    #[prost(oneof = "SignalResult", tags = "4, 5, 6")]
    pub result: Option<SignalResult>,
    /// Entry name.
    #[prost(string, tag = "12")]
    pub name: String,
}

/// Which signal of an invocation.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Oneof)]
pub enum SignalId {
    /// By index: 1 cancels, awakeables begin at 17.
    #[prost(uint32, tag = "2")]
    Index(u32),
    /// By name.
    #[prost(string, tag = "3")]
    Name(String),
}

/// What a signal carries.
#[derive(Clone, PartialEq, Eq, Hash, prost::Oneof)]
pub enum SignalResult {
    /// Nothing.
    #[prost(message, tag = "4")]
    Void(Void),
    /// A value.
    #[prost(message, tag = "5")]
    Value(Value),
    /// A terminal error.
    #[prost(message, tag = "6")]
    Failure(Failure),
}
