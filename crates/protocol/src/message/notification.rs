//! Notifications: results that the runtime tells the SDK.

use super::{Failure, StateKeys, Value, Void};

/// The one shape of all notifications; the frame type tells what it answers.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Notification {
    /// Whom it is for.
    #[prost(oneof = "NotificationId", tags = "1, 2, 3")]
    pub id: Option<NotificationId>,
    /// What it says.
    #[prost(oneof = "NotificationResult", tags = "4, 5, 6, 16, 17")]
    pub result: Option<NotificationResult>,
}

impl Notification {
    /// A notification with its two halves.
    pub fn new(id: NotificationId, result: NotificationResult) -> Self {
        Self {
            id: Some(id),
            result: Some(result),
        }
    }
}

/// Whom a [`Notification`] is for.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Oneof)]
pub enum NotificationId {
    /// The command that named this completion id.
    #[prost(uint32, tag = "1")]
    CompletionId(u32),
    /// The signal of this index.
    #[prost(uint32, tag = "2")]
    SignalIndex(u32),
    /// The signal of this name.
    #[prost(string, tag = "3")]
    SignalName(String),
}

/// What a [`Notification`] says.
#[derive(Clone, PartialEq, Eq, Hash, prost::Oneof)]
pub enum NotificationResult {
    /// Done, or: nothing is there.
    #[prost(message, tag = "4")]
    Void(Void),
    /// A value.
    #[prost(message, tag = "5")]
    Value(Value),
    /// A terminal error.
    #[prost(message, tag = "6")]
    Failure(Failure),
    /// The id of the invocation called, as text.
    #[prost(string, tag = "16")]
    InvocationId(String),
    /// The names of all values of state.
    #[prost(message, tag = "17")]
    StateKeys(StateKeys),
}
