//! Options that services and handlers set; what is not set falls to the next level.

use std::time::Duration;

/// Options of a handler, or of a service as defaults of its handlers. `None` = not set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HandlerOptions {
    /// Silence after which the SDK is asked to suspend; zero asks at once.
    pub inactivity_timeout: Option<Duration>,
    /// Further silence after which the attempt is aborted.
    pub abort_timeout: Option<Duration>,
    /// How long journals of completed invocations are kept.
    pub journal_retention: Option<Duration>,
    /// How long results of requests with idempotency key are kept.
    pub idempotency_retention: Option<Duration>,
    /// How long the result of a workflow is kept; set on the run only.
    pub workflow_completion_retention: Option<Duration>,
    /// Whether state is read on demand instead of being sent ahead.
    pub enable_lazy_state: Option<bool>,
    /// Whether the ingress refuses requests.
    pub ingress_private: Option<bool>,
    /// How failed attempts are repeated.
    pub retry: RetryOptions,
}

/// How failed attempts are repeated. `None` = not set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RetryOptions {
    /// Pause before the second attempt.
    pub initial_interval: Option<Duration>,
    /// Longest pause between attempts.
    pub max_interval: Option<Duration>,
    /// How much longer each pause is than the one before; finite, above 0.
    pub factor: Option<f64>,
    /// Most attempts, the first included.
    pub max_attempts: Option<u32>,
    /// What happens after the last attempt.
    pub on_max_attempts: Option<OnMaxAttempts>,
}

/// What happens after the last attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnMaxAttempts {
    /// The invocation waits for a person.
    Pause,
    /// The invocation fails with the last error.
    Kill,
}

impl HandlerOptions {
    /// These options, and the service's where these are not set.
    pub fn or(&self, service: &Self) -> Self {
        Self {
            inactivity_timeout: self.inactivity_timeout.or(service.inactivity_timeout),
            abort_timeout: self.abort_timeout.or(service.abort_timeout),
            journal_retention: self.journal_retention.or(service.journal_retention),
            idempotency_retention: self.idempotency_retention.or(service.idempotency_retention),
            workflow_completion_retention: self
                .workflow_completion_retention
                .or(service.workflow_completion_retention),
            enable_lazy_state: self.enable_lazy_state.or(service.enable_lazy_state),
            ingress_private: self.ingress_private.or(service.ingress_private),
            retry: self.retry.or(&service.retry),
        }
    }
}

impl RetryOptions {
    /// These options, and the others where these are not set.
    pub fn or(&self, others: &Self) -> Self {
        Self {
            initial_interval: self.initial_interval.or(others.initial_interval),
            max_interval: self.max_interval.or(others.max_interval),
            factor: self.factor.or(others.factor),
            max_attempts: self.max_attempts.or(others.max_attempts),
            on_max_attempts: self.on_max_attempts.or(others.on_max_attempts),
        }
    }
}

impl OnMaxAttempts {
    /// The name in manifests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pause => "PAUSE",
            Self::Kill => "KILL",
        }
    }
}
