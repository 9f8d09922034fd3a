//! A service and its handlers with every option worked out: handler over service over server.

use std::collections::BTreeMap;
use std::time::Duration;

use everspan_durable::policy::{OnMaxAttempts, Retention, RetryPolicy};
use everspan_durable::record::HandlerFacts;
use everspan_durable::target::HandlerKind;
use everspan_protocol::manifest::{
    self, Handler, HandlerInput, HandlerOptions, HandlerOutput, HandlerType, Service, ServiceType,
};

use crate::config::{self, Config};

/// What holds where neither handler nor service say otherwise.
#[derive(Clone, Debug)]
pub struct Defaults {
    inactivity: Duration,
    abort: Duration,
    journal_retention: Duration,
    idempotency_retention: Duration,
    workflow_retention: Duration,
    lazy_state: bool,
    policy: RetryPolicy,
}

impl Defaults {
    /// The server's configuration as defaults.
    pub fn new(config: &Config) -> Self {
        let policy = &config.default_retry_policy;
        Self {
            inactivity: config.worker.invoker.inactivity_timeout,
            abort: config.worker.invoker.abort_timeout,
            journal_retention: config.default_journal_retention,
            idempotency_retention: config.default_idempotency_retention,
            workflow_retention: config.default_workflow_completion_retention,
            lazy_state: config.worker.invoker.disable_eager_state,
            policy: RetryPolicy {
                initial_interval_ms: millis(policy.initial_interval),
                factor: policy.exponentiation_factor,
                max_interval_ms: millis(policy.max_interval),
                max_attempts: policy.max_attempts,
                on_max_attempts: match policy.on_max_attempts {
                    config::OnMaxAttempts::Pause => OnMaxAttempts::Pause,
                    config::OnMaxAttempts::Kill => OnMaxAttempts::Kill,
                },
            },
        }
    }

    /// The retry policy of an attempt that found no handler to ask.
    pub fn policy(&self) -> &RetryPolicy {
        &self.policy
    }
}

/// A service of a deployment.
#[derive(Clone, Debug)]
pub struct ResolvedService {
    /// Which of the service's revisions this deployment offers.
    pub revision: u32,
    /// As the manifest has it.
    pub manifest: Service,
    /// Its handlers, by name.
    pub handlers: BTreeMap<String, ResolvedHandler>,
}

/// A handler with all its options.
#[derive(Clone, Debug)]
pub struct ResolvedHandler {
    /// How it runs.
    pub kind: HandlerKind,
    /// Whether only other handlers may call it.
    pub private: bool,
    /// What it takes.
    pub input: HandlerInput,
    /// What it gives.
    pub output: HandlerOutput,
    /// Silence that asks it to suspend.
    pub inactivity: Duration,
    /// Further silence that ends the attempt.
    pub abort: Duration,
    /// Its retries.
    pub policy: RetryPolicy,
    journal_retention: Duration,
    idempotency_retention: Duration,
    workflow_retention: Duration,
    lazy_state: bool,
}

impl ResolvedService {
    /// Works out every option.
    pub fn new(manifest: Service, revision: u32, defaults: &Defaults) -> Self {
        let handlers = manifest
            .handlers
            .iter()
            .map(|(name, handler)| (name.clone(), ResolvedHandler::new(handler, &manifest, defaults)))
            .collect();
        Self {
            revision,
            manifest,
            handlers,
        }
    }
}

impl ResolvedHandler {
    fn new(handler: &Handler, service: &Service, defaults: &Defaults) -> Self {
        let options = handler.options.or(&service.options);
        Self {
            kind: kind(service.ty, handler.ty),
            private: options.ingress_private.unwrap_or(false),
            input: handler.input.clone(),
            output: handler.output.clone(),
            inactivity: options.inactivity_timeout.unwrap_or(defaults.inactivity),
            abort: options.abort_timeout.unwrap_or(defaults.abort),
            policy: policy(&options, &defaults.policy),
            journal_retention: options.journal_retention.unwrap_or(defaults.journal_retention),
            idempotency_retention: options
                .idempotency_retention
                .unwrap_or(defaults.idempotency_retention),
            workflow_retention: options
                .workflow_completion_retention
                .unwrap_or(defaults.workflow_retention),
            lazy_state: defaults.lazy_state || options.enable_lazy_state.unwrap_or(false),
        }
    }

    /// What the machine needs to know to run it.
    pub fn facts(&self, idempotent: bool) -> HandlerFacts {
        let journal_ms = millis(self.journal_retention);
        let completion_ms = match self.kind {
            HandlerKind::Workflow => millis(self.workflow_retention),
            _ if idempotent => millis(self.idempotency_retention),
            _ => journal_ms,
        };
        HandlerFacts {
            kind: self.kind,
            retention: Retention {
                completion_ms,
                journal_ms: journal_ms.min(completion_ms),
            },
            lazy_state: self.lazy_state,
        }
    }
}

fn kind(service: ServiceType, handler: Option<HandlerType>) -> HandlerKind {
    match (service, handler) {
        (ServiceType::Service, _) => HandlerKind::Service,
        (ServiceType::VirtualObject, Some(HandlerType::Shared)) => HandlerKind::Shared,
        (ServiceType::VirtualObject, _) => HandlerKind::Exclusive,
        (ServiceType::Workflow, Some(HandlerType::Workflow)) => HandlerKind::Workflow,
        (ServiceType::Workflow, _) => HandlerKind::WorkflowShared,
    }
}

fn policy(options: &HandlerOptions, default: &RetryPolicy) -> RetryPolicy {
    let retry = &options.retry;
    RetryPolicy {
        initial_interval_ms: retry.initial_interval.map_or(default.initial_interval_ms, millis),
        factor: retry.factor.unwrap_or(default.factor),
        max_interval_ms: retry.max_interval.map_or(default.max_interval_ms, millis),
        max_attempts: retry.max_attempts.or(default.max_attempts),
        on_max_attempts: match retry.on_max_attempts {
            Some(manifest::OnMaxAttempts::Pause) => OnMaxAttempts::Pause,
            Some(manifest::OnMaxAttempts::Kill) => OnMaxAttempts::Kill,
            None => default.on_max_attempts,
        },
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
