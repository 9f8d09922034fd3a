//! The messages of an invocation stream, one struct for each frame type.
//!
//! Written by hand: field numbers and types are those of the public protocol. A field that may be absent is
//! an `Option`; an empty value that is present is `Some(Value::default())`, which is not the same as `None`.
//! Commands carry the entry name given by the user in field 12, empty if there is none.
//!
//! A frame does not repeat its type: decode with [`Frame::message`](crate::frame::Frame::message).

mod call;
mod control;
mod future;
mod invocation;
mod notification;
mod promise;
mod shared;
mod signal;
mod state;

pub use call::{CallCommand, OneWayCallCommand, RunCommand, SleepCommand};
pub use control::{
    AwaitingOn, CommandAck, End, Error, ErrorBehavior, ProposeRunCompletion, ProposeRunCompletionAck,
    RunProposal, Start, StateEntry, Suspension,
};
pub use future::{CombinatorType, Future};
pub use invocation::{
    AttachInvocationCommand, GetInvocationOutputCommand, IdempotentRequestTarget, InputCommand,
    InvocationTarget, OutputCommand, OutputResult, WorkflowTarget,
};
pub use notification::{Notification, NotificationId, NotificationResult};
pub use promise::{
    CompleteAwakeableCommand, CompletePromiseCommand, Completion, GetPromiseCommand, PeekPromiseCommand,
};
pub use shared::{Failure, FailureMetadata, Header, StateKeys, Value, Void};
pub use signal::{SendSignalCommand, SignalId, SignalResult};
pub use state::{
    ClearAllStateCommand, ClearStateCommand, EagerState, GetEagerStateCommand, GetEagerStateKeysCommand,
    GetLazyStateCommand, GetLazyStateKeysCommand, SetStateCommand,
};
