//! Keys of invocation spans and their events, and of the resource.

use super::key::{attributes, places, value_type};
use super::{AttributeDef, Key, Text};

attributes! {
    on spans [INGRESS, START, ATTEMPT, END] {
        /// The invocation id.
        INVOCATION_ID: Text = "restate.invocation.id";
        /// The whole target, with the real key: `Counter/k1/add`.
        INVOCATION_TARGET: Text = "restate.invocation.target";
        /// The service.
        RPC_SERVICE: Text = "rpc.service";
        /// The handler.
        RPC_METHOD: Text = "rpc.method";
    }
    on spans [INGRESS] {
        /// The request method.
        HTTP_REQUEST_METHOD: Text = "http.request.method";
        /// The path.
        URL_PATH: Text = "url.path";
        /// The status of the response.
        HTTP_RESPONSE_STATUS_CODE: i64 = "http.response.status_code";
        /// The address of the client.
        CLIENT_ADDRESS: Text = "client.address";
        /// The port of the client.
        CLIENT_PORT: i64 = "client.port";
        /// The `user-agent` header.
        USER_AGENT_ORIGINAL: Text = "user_agent.original";
        /// The request met a known idempotency key or workflow id; a link leads to that invocation's start span.
        IDEMPOTENCY_REPLAYED: bool = "everspan.idempotency.replayed";
    }
    on spans [ATTEMPT] {
        /// The deployment that processes it.
        DEPLOYMENT_ID: Text = "restate.deployment.id";
        /// That deployment's address.
        DEPLOYMENT_ADDRESS: Text = "restate.deployment.address";
        /// The version of the service protocol spoken with it.
        SERVICE_PROTOCOL_VERSION: i64 = "restate.deployment.service_protocol_version";
        /// Counts every attempt of the invocation, from 1.
        ATTEMPT_NUMBER: i64 = "everspan.attempt.number";
        /// Why it began: `first`, `retry`, `resume` (after a suspension or a pause), `restart` (the server came back).
        ATTEMPT_CAUSE: Text = "everspan.attempt.cause";
        /// Why it ended: `completed`, `retryable_error`, `suspended`, `yielded`, `paused`, `cancelled`, `killed`, `crashed` (the server died under it).
        ATTEMPT_OUTCOME: Text = "everspan.attempt.outcome";
        /// When the next attempt is due, RFC 3339; of an attempt that ends in a retry.
        RETRY_NEXT_AT: Text = "everspan.retry.next_at";
        /// How many failures there were since the last progress; of an attempt that ends in a retry or a pause.
        RETRY_COUNT: i64 = "everspan.retry.count";
        /// The error: an HTTP status, or a code of the service protocol (570, 571); of a failed attempt.
        ERROR_CODE: i64 = "error.code";
    }
    on spans [END] {
        /// `success` or `failure`.
        INVOCATION_RESULT: Text = "restate.invocation.result";
        /// The error code, on failure.
        INVOCATION_ERROR_CODE: i64 = "restate.invocation.error.code";
        /// Milliseconds from creation to completion; the four parts below sum to it.
        INVOCATION_DURATION_MS: f64 = "everspan.invocation.duration_ms";
        /// Milliseconds waiting to begin: for its time, for the lock of its key, for a free slot.
        INVOCATION_QUEUED_MS: f64 = "everspan.invocation.queued_ms";
        /// Milliseconds within attempts.
        INVOCATION_RUNNING_MS: f64 = "everspan.invocation.running_ms";
        /// Milliseconds suspended or paused.
        INVOCATION_SUSPENDED_MS: f64 = "everspan.invocation.suspended_ms";
        /// Milliseconds waiting for a retry.
        INVOCATION_BACKOFF_MS: f64 = "everspan.invocation.backoff_ms";
        /// How many of its oldest attempts are not told, of an invocation kept by `tracing-keep`.
        ATTEMPTS_DROPPED: i64 = "everspan.attempts.dropped";
    }
    on spans [INGRESS, END] {
        /// The error message: of an invocation that failed, of a request that was refused.
        ERROR_MESSAGE: Text = "error.message";
    }
    on events [NEW_COMMAND] {
        /// The type, such as `Command/Call`.
        COMMAND_TYPE: Text = "restate.journal.command.type";
        /// The name that the user gave it, if any.
        COMMAND_NAME: Text = "restate.journal.command.name";
    }
    on events [NEW_COMMAND, RUN_ENDED] {
        /// The index of the journal entry that the event is about.
        JOURNAL_INDEX: i64 = "everspan.journal.index";
    }
    on events [NEW_COMMAND] {
        /// The called target, of a call or send.
        CALL_TARGET: Text = "everspan.call.target";
        /// The new invocation, of a call or send; the one that is meant, of an attach, an output or a signal.
        CALL_INVOCATION_ID: Text = "everspan.call.invocation_id";
        /// The state key, of a state command.
        STATE_KEY: Text = "everspan.state.key";
        /// The promise, of a promise command.
        PROMISE_NAME: Text = "everspan.promise.name";
        /// The awakeable, of a command that completes one.
        AWAKEABLE_ID: Text = "everspan.awakeable.id";
    }
    on events [RUN_ENDED] {
        /// The index of the run's command, which `new_command` carries.
        RUN_INDEX: i64 = "everspan.run.index";
        /// The name of the run, if it has one.
        RUN_NAME: Text = "everspan.run.name";
        /// Milliseconds from the arrival of its command to that of its result, next to nothing when the service sends both at once; from the attempt's start for a run that an earlier attempt began.
        RUN_DURATION_MS: f64 = "everspan.run.duration_ms";
        /// `success` or `failure`.
        RUN_RESULT: Text = "everspan.run.result";
    }
    on events [SUSPENDED] {
        /// What it waits for, in words: `Call Counter/k/add or Sleep until 2026-01-01T00:00:00Z`.
        AWAITING: Text = "everspan.awaiting";
    }
    on events [EXCEPTION] {
        /// The type or code of the error.
        EXCEPTION_TYPE: Text = "exception.type";
        /// The message.
        EXCEPTION_MESSAGE: Text = "exception.message";
        /// The stack trace, if the service sent one.
        EXCEPTION_STACKTRACE: Text = "exception.stacktrace";
    }
    on resource [] {
        /// The name of the process that emits: `Everspan`.
        SERVICE_NAME: Text = "service.name";
        /// Its version.
        SERVICE_VERSION: Text = "service.version";
        /// Which of several it is: `<cluster-name>/<node-name>`.
        SERVICE_INSTANCE_ID: Text = "service.instance.id";
    }
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
    /// The server came back, after a crash or a stop.
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
    /// It gave its slot away: the server stopped.
    pub const YIELDED: &str = "yielded";
    /// It rests until an operator resumes it.
    pub const PAUSED: &str = "paused";
    /// The handler ended with the failure of a cancellation.
    pub const CANCELLED: &str = "cancelled";
    /// It was killed.
    pub const KILLED: &str = "killed";
    /// The server died under it.
    pub const CRASHED: &str = "crashed";
}
