//! Attribute keys, each with the type of its value, so that a wrong type does not compile.

use std::borrow::Cow;
use std::marker::PhantomData;

use crate::{KeyValue, Value};

/// An attribute key whose values have type `T`: [`Text`], `i64`, `f64` or `bool`.
pub struct Key<T> {
    /// The key as it is emitted.
    pub name: &'static str,
    value: PhantomData<fn(T)>,
}

/// Text, static or owned.
pub type Text = Cow<'static, str>;

impl<T: Into<Value>> Key<T> {
    const fn new(name: &'static str) -> Self {
        Self {
            name,
            value: PhantomData,
        }
    }

    /// The attribute with this key and `value`.
    pub fn value(&self, value: impl Into<T>) -> KeyValue {
        KeyValue {
            key: Cow::Borrowed(self.name),
            value: value.into().into(),
        }
    }
}

macro_rules! attributes {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: Key<$type> = Key::new($text);)*
        /// Every attribute key.
        pub const KEYS: &[&str] = &[$($text),*];
    };
}

// Each line says on which span or event the key stands.
attributes! {
    /// All: the invocation id.
    INVOCATION_ID: Text = "restate.invocation.id";
    /// All: the whole target, with the real key (`Counter/k1/add`).
    INVOCATION_TARGET: Text = "restate.invocation.target";
    /// All: the service.
    RPC_SERVICE: Text = "rpc.service";
    /// All: the handler.
    RPC_METHOD: Text = "rpc.method";

    /// Attempt: the deployment that processes it.
    DEPLOYMENT_ID: Text = "restate.deployment.id";
    /// Attempt: that deployment's address.
    DEPLOYMENT_ADDRESS: Text = "restate.deployment.address";
    /// Attempt: the version of the service protocol spoken with it.
    SERVICE_PROTOCOL_VERSION: i64 = "restate.deployment.service_protocol_version";

    /// End: `success` or `failure`.
    INVOCATION_RESULT: Text = "restate.invocation.result";
    /// End, on failure: the error code.
    INVOCATION_ERROR_CODE: i64 = "restate.invocation.error.code";
    /// End, on failure: the error message.
    ERROR_MESSAGE: Text = "error.message";

    /// Attempt: counts every attempt of the invocation, from 1.
    ATTEMPT_NUMBER: i64 = "everspan.attempt.number";
    /// Attempt: why it began, one of the values in [`cause`].
    ATTEMPT_CAUSE: Text = "everspan.attempt.cause";
    /// Attempt: why it ended, one of the values in [`outcome`].
    ATTEMPT_OUTCOME: Text = "everspan.attempt.outcome";
    /// Attempt that ends in a retry: when the next one is due, RFC 3339.
    RETRY_NEXT_AT: Text = "everspan.retry.next_at";
    /// Attempt that ends in a retry: how many retries there were so far.
    RETRY_COUNT: i64 = "everspan.retry.count";
    /// Failed attempt: the error code that the service reported.
    ERROR_CODE: i64 = "error.code";

    /// End: milliseconds from creation to completion; the four parts below sum to it.
    INVOCATION_DURATION_MS: f64 = "everspan.invocation.duration_ms";
    /// End: milliseconds before the first attempt.
    INVOCATION_QUEUED_MS: f64 = "everspan.invocation.queued_ms";
    /// End: milliseconds within attempts.
    INVOCATION_RUNNING_MS: f64 = "everspan.invocation.running_ms";
    /// End: milliseconds suspended.
    INVOCATION_SUSPENDED_MS: f64 = "everspan.invocation.suspended_ms";
    /// End: milliseconds waiting for a retry.
    INVOCATION_BACKOFF_MS: f64 = "everspan.invocation.backoff_ms";

    /// Ingress: the request method.
    HTTP_REQUEST_METHOD: Text = "http.request.method";
    /// Ingress: the path.
    URL_PATH: Text = "url.path";
    /// Ingress: the status of the response.
    HTTP_RESPONSE_STATUS_CODE: i64 = "http.response.status_code";
    /// Ingress: the address of the client.
    CLIENT_ADDRESS: Text = "client.address";
    /// Ingress: the port of the client.
    CLIENT_PORT: i64 = "client.port";
    /// Ingress: the `user-agent` header.
    USER_AGENT_ORIGINAL: Text = "user_agent.original";
    /// Ingress: the request met a known idempotency key or workflow id.
    IDEMPOTENCY_REPLAYED: bool = "everspan.idempotency.replayed";

    /// Event new_command: the type, such as `Command/Call`.
    COMMAND_TYPE: Text = "restate.journal.command.type";
    /// Event new_command: the name the user gave it; absent when there is none.
    COMMAND_NAME: Text = "restate.journal.command.name";
    /// Events that concern a journal entry: its index.
    JOURNAL_INDEX: i64 = "everspan.journal.index";
    /// Event new_command of a call or send: the called target.
    CALL_TARGET: Text = "everspan.call.target";
    /// Event new_command of a call or send: the new invocation.
    CALL_INVOCATION_ID: Text = "everspan.call.invocation_id";
    /// Event new_command of a state command: the state key.
    STATE_KEY: Text = "everspan.state.key";
    /// Event run_ended: the name of the run.
    RUN_NAME: Text = "everspan.run.name";
    /// Event run_ended: milliseconds it took.
    RUN_DURATION_MS: f64 = "everspan.run.duration_ms";
    /// Event run_ended: `success` or `failure`.
    RUN_RESULT: Text = "everspan.run.result";
    /// Event suspended: what it waits for, in words.
    AWAITING: Text = "everspan.awaiting";

    /// Event exception: the type or code of the error.
    EXCEPTION_TYPE: Text = "exception.type";
    /// Event exception: the message.
    EXCEPTION_MESSAGE: Text = "exception.message";
    /// Event exception: the stack trace.
    EXCEPTION_STACKTRACE: Text = "exception.stacktrace";

    /// Resource: the name of the process that emits.
    SERVICE_NAME: Text = "service.name";
    /// Resource: its version.
    SERVICE_VERSION: Text = "service.version";
    /// Resource: which of several it is.
    SERVICE_INSTANCE_ID: Text = "service.instance.id";
}

/// Values of [`INVOCATION_RESULT`] and [`RUN_RESULT`].
pub mod result {
    /// It has a value.
    pub const SUCCESS: &str = "success";
    /// It has an error.
    pub const FAILURE: &str = "failure";
}

/// Values of [`ATTEMPT_CAUSE`].
pub mod cause {
    /// The first attempt.
    pub const FIRST: &str = "first";
    /// The attempt before failed.
    pub const RETRY: &str = "retry";
    /// The invocation was suspended, yielded or paused and goes on.
    pub const RESUME: &str = "resume";
    /// The server came back after a crash.
    pub const RESTART: &str = "restart";
}

/// Values of [`ATTEMPT_OUTCOME`].
pub mod outcome {
    /// The handler ended, with a value or a terminal error.
    pub const COMPLETED: &str = "completed";
    /// It failed and is tried again.
    pub const RETRYABLE_ERROR: &str = "retryable_error";
    /// It waits for something.
    pub const SUSPENDED: &str = "suspended";
    /// It gave its place away.
    pub const YIELDED: &str = "yielded";
    /// It rests until an operator resumes it.
    pub const PAUSED: &str = "paused";
    /// It was cancelled.
    pub const CANCELLED: &str = "cancelled";
    /// It was killed.
    pub const KILLED: &str = "killed";
    /// The server died under it.
    pub const CRASHED: &str = "crashed";
}
