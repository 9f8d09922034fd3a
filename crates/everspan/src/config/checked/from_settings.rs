//! From checked values by key to plain fields. Each key of the table is read here once.
//!
//! A mismatch between a row's kind and the field read here is a bug and panics; the tests load every key.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use everspan_trace::Sampler;

use crate::config::checked::{
    AdminConfig, Config, IngressConfig, InvokerConfig, LogConfig, LogFormat, OnMaxAttempts,
    RetryPolicyConfig, StateConfig, WorkerConfig, checkpoint, tracing,
};
use crate::config::endpoint::Endpoint;
use crate::config::keep::Keep;
use crate::config::name_values::Headers;
use crate::config::settings::Settings;
use crate::config::value::Value;

impl Config {
    pub(in crate::config) fn from_settings(from: &Settings) -> Config {
        Config {
            cluster_name: text(from, "cluster-name"),
            node_name: text(from, "node-name"),
            base_dir: path(from, "base-dir"),
            partitions: count(from, "partitions"),
            shutdown_timeout: duration(from, "shutdown-timeout"),
            log_filter: text(from, "log-filter"),
            log_format: log_format(from),
            ingress: IngressConfig {
                bind_address: address(from, "ingress.bind-address"),
                request_size_limit: size(from, "ingress.request-size-limit"),
            },
            admin: AdminConfig {
                bind_address: address(from, "admin.bind-address"),
            },
            worker: worker(from),
            default_retry_policy: retry_policy(from),
            default_journal_retention: duration(from, "default-journal-retention"),
            default_idempotency_retention: duration(from, "default-idempotency-retention"),
            default_workflow_completion_retention: duration(from, "default-workflow-completion-retention"),
            log: LogConfig {
                segment_size: size(from, "log.segment-size"),
            },
            state: StateConfig {
                flush_size: size(from, "state.flush-size"),
                cache_size: size(from, "state.cache-size"),
                min_free_disk: size(from, "state.min-free-disk"),
            },
            checkpoint: checkpoint::read(from),
            tracing: tracing::read(from),
        }
    }
}

fn log_format(from: &Settings) -> LogFormat {
    match choice(from, "log-format") {
        "pretty" => LogFormat::Pretty,
        "compact" => LogFormat::Compact,
        "json" => LogFormat::Json,
        other => mismatch("log-format", &other),
    }
}

fn worker(from: &Settings) -> WorkerConfig {
    WorkerConfig {
        threads: count(from, "worker.threads"),
        mailbox_max: count(from, "worker.mailbox-max"),
        cleanup_interval: duration(from, "worker.cleanup-interval"),
        invoker: invoker(from),
    }
}

fn invoker(from: &Settings) -> InvokerConfig {
    InvokerConfig {
        inactivity_timeout: duration(from, "worker.invoker.inactivity-timeout"),
        abort_timeout: duration(from, "worker.invoker.abort-timeout"),
        connect_timeout: duration(from, "worker.invoker.connect-timeout"),
        message_size_limit: size(from, "worker.invoker.message-size-limit"),
        concurrent_invocations_limit: count(from, "worker.invoker.concurrent-invocations-limit"),
        disable_eager_state: switch(from, "worker.invoker.disable-eager-state"),
        eager_state_size_limit: size(from, "worker.invoker.eager-state-size-limit"),
        http2_keep_alive_interval: duration(from, "worker.invoker.http2-keep-alive-interval"),
        http2_keep_alive_timeout: duration(from, "worker.invoker.http2-keep-alive-timeout"),
        additional_request_headers: Headers(pairs(from, "worker.invoker.additional-request-headers")),
    }
}

fn retry_policy(from: &Settings) -> RetryPolicyConfig {
    RetryPolicyConfig {
        initial_interval: duration(from, "default-retry-policy.initial-interval"),
        exponentiation_factor: number(from, "default-retry-policy.exponentiation-factor"),
        max_interval: duration(from, "default-retry-policy.max-interval"),
        max_attempts: limit(from, "default-retry-policy.max-attempts"),
        on_max_attempts: match choice(from, "default-retry-policy.on-max-attempts") {
            "pause" => OnMaxAttempts::Pause,
            "kill" => OnMaxAttempts::Kill,
            other => mismatch("default-retry-policy.on-max-attempts", &other),
        },
    }
}

/// Reads one kind of value by key.
macro_rules! readers {
    ($($name:ident: $pattern:pat => $value:expr, $type:ty;)*) => {$(
        pub(super) fn $name(from: &Settings, key: &str) -> $type {
            match from.setting(key).value.as_ref() {
                $pattern => $value,
                other => mismatch(key, &other),
            }
        }
    )*};
}

readers! {
    text: Some(Value::Text(text)) => text.clone(), String;
    path: Some(Value::Path(path)) => path.clone(), PathBuf;
    duration: Some(Value::Duration(duration)) => *duration, Duration;
    size: Some(Value::Size(bytes)) => *bytes, u64;
    number: Some(Value::Float(number)) => *number, f64;
    switch: Some(Value::Bool(yes)) => *yes, bool;
    address: Some(Value::Address(address)) => *address, SocketAddr;
    choice: Some(Value::Choice(choice)) => choice, &'static str;
    sampler: Some(Value::Sampler(sampler)) => sampler.clone(), Sampler;
    endpoint: Some(Value::Endpoint(endpoint)) => endpoint.clone(), Endpoint;
    keep: Some(Value::Keep(keep)) => *keep, Keep;
    names: Some(Value::Names(names)) => names.clone(), Vec<String>;
    patterns: Some(Value::Patterns(patterns)) => patterns.clone(), Vec<String>;
}

/// A value read with `reader`, when the key has one.
pub(super) fn given<V>(from: &Settings, key: &str, reader: fn(&Settings, &str) -> V) -> Option<V> {
    from.setting(key).value.as_ref().map(|_| reader(from, key))
}

/// A count in the type of its field; the row's range must fit into it.
pub(super) fn count<N: TryFrom<u64>>(from: &Settings, key: &str) -> N {
    match from.setting(key).value.as_ref() {
        Some(Value::Count(count)) => N::try_from(*count).unwrap_or_else(|_| mismatch(key, count)),
        other => mismatch(key, &other),
    }
}

fn limit(from: &Settings, key: &str) -> Option<u32> {
    match from.setting(key).value.as_ref() {
        Some(Value::Limit(count)) => {
            count.map(|count| u32::try_from(count).unwrap_or_else(|_| mismatch(key, &count)))
        }
        other => mismatch(key, &other),
    }
}

pub(super) fn pairs(from: &Settings, key: &str) -> BTreeMap<String, String> {
    from.entries(key)
        .iter()
        .map(|(name, given)| (name.clone(), given.text.clone()))
        .collect()
}

pub(super) fn mismatch(key: &str, value: &dyn std::fmt::Debug) -> ! {
    panic!("the row of {key} promises another kind than {value:?}")
}
