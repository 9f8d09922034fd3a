//! What the admin API shows, as JSON. Deployments and services have the shape tools for Restate know; invocations
//! have a shape of our own.

use std::time::Duration;

use everspan_durable::policy::OnMaxAttempts;
use everspan_durable::record::Outcome;
use everspan_durable::target::HandlerKind;
use everspan_durable::view::{EntryView, InvocationView};
use everspan_protocol::manifest::{HandlerInput, ProtocolMode, ServiceType};
use serde_json::{Value, json};

use crate::config::show_duration;
use crate::registry::{Deployment, ResolvedHandler, ResolvedService};

/// A deployment in a list.
pub(super) fn deployment(deployment: &Deployment) -> Value {
    let services: Vec<Value> = deployment
        .services
        .iter()
        .map(|(name, service)| json!({ "name": name, "revision": service.revision }))
        .collect();
    let mut value = facts(deployment);
    value["services"] = Value::from(services);
    value
}

/// A deployment by itself, with its services.
pub(super) fn registered(deployment: &Deployment) -> Value {
    let services: Vec<Value> = deployment
        .services
        .values()
        .map(|known| service(deployment, known))
        .collect();
    let mut value = facts(deployment);
    value["services"] = Value::from(services);
    value
}

fn facts(deployment: &Deployment) -> Value {
    json!({
        "id": deployment.id.to_string(),
        "uri": deployment.address.to_string(),
        "protocol_type": match deployment.mode {
            ProtocolMode::BidiStream => "BidiStream",
            ProtocolMode::RequestResponse => "RequestResponse",
        },
        "http_version": "HTTP/2.0",
        "additional_headers": deployment.headers,
        "metadata": deployment.metadata,
        "created_at": rfc3339(deployment.created_ms.saturating_mul(1_000_000)),
        "min_protocol_version": deployment.versions.0,
        "max_protocol_version": deployment.versions.1,
        "sdk_version": deployment.sdk_version,
    })
}

/// A service of a deployment.
pub(super) fn service(deployment: &Deployment, service: &ResolvedService) -> Value {
    json!({
        "name": service.manifest.name,
        "ty": match service.manifest.ty {
            ServiceType::Service => "Service",
            ServiceType::VirtualObject => "VirtualObject",
            ServiceType::Workflow => "Workflow",
        },
        "deployment_id": deployment.id.to_string(),
        "revision": service.revision,
        "public": service.handlers.values().any(|handler| !handler.private),
        "documentation": service.manifest.documentation,
        "metadata": service.manifest.metadata,
        "handlers": handlers(service),
    })
}

pub(super) fn handlers(service: &ResolvedService) -> Vec<Value> {
    service
        .handlers
        .iter()
        .map(|(name, resolved)| handler(name, resolved, service))
        .collect()
}

/// A handler with its options as they are in force.
pub(super) fn handler(name: &str, handler: &ResolvedHandler, service: &ResolvedService) -> Value {
    let retention = handler.facts(true).retention;
    json!({
        "name": name,
        "ty": match handler.kind {
            HandlerKind::Service => Value::Null,
            HandlerKind::Exclusive => Value::from("Exclusive"),
            HandlerKind::Shared | HandlerKind::WorkflowShared => Value::from("Shared"),
            HandlerKind::Workflow => Value::from("Workflow"),
        },
        "public": !handler.private,
        "documentation": service.manifest.handlers.get(name).and_then(|manifest| manifest.documentation.clone()),
        "input_description": match &handler.input {
            HandlerInput::Empty => "none".to_owned(),
            HandlerInput::Body { content_type, .. } => format!("value of content-type '{content_type}'"),
        },
        "output_description": match &handler.output.content_type {
            Some(content_type) => format!("value of content-type '{content_type}'"),
            None => "none".to_owned(),
        },
        "inactivity_timeout": show_duration(handler.inactivity),
        "abort_timeout": show_duration(handler.abort),
        "journal_retention": show_duration(Duration::from_millis(handler.facts(false).retention.journal_ms)),
        "idempotency_retention": show_duration(Duration::from_millis(retention.completion_ms)),
        "retry_policy": {
            "initial_interval": show_duration(Duration::from_millis(handler.policy.initial_interval_ms)),
            "exponentiation_factor": handler.policy.factor,
            "max_interval": show_duration(Duration::from_millis(handler.policy.max_interval_ms)),
            "max_attempts": handler.policy.max_attempts,
            "on_max_attempts": match handler.policy.on_max_attempts {
                OnMaxAttempts::Pause => "Pause",
                OnMaxAttempts::Kill => "Kill",
            },
        },
    })
}

/// An invocation; times are RFC 3339.
pub(super) fn invocation(view: &InvocationView) -> Value {
    let mut value = json!({
        "id": view.id.to_string(),
        "target": view.target.to_string(),
        "service": view.target.service,
        "key": view.target.key,
        "handler": view.target.handler,
        "status": view.status,
        "created_at": rfc3339(view.created_ns),
        "completed_at": view.completed_ns.map(rfc3339),
        "attempts": view.attempts,
        "failures": view.failures,
        "next_at": view.next_at_ms.map(|ms| rfc3339(ms.saturating_mul(1_000_000))),
        "deployment": view.deployment,
        "idempotency_key": view.idempotency_key,
        "trace_id": view.trace_id,
        "journal_length": view.journal_len,
    });
    if let Some(error) = &view.last_error {
        value["last_error"] = json!({
            "code": error.code,
            "message": error.message,
            "stacktrace": error.stacktrace,
        });
    }
    if let Some(awaiting) = &view.awaiting {
        value["awaiting"] = json!({
            "completions": awaiting.completions,
            "signals": awaiting.signals,
            "named_signals": awaiting.named_signals,
        });
    }
    match &view.outcome {
        Some(Outcome::Success(bytes)) => {
            value["result"] = json!({ "success": { "bytes": bytes.len() } });
        }
        Some(Outcome::Failure(failure)) => {
            value["result"] = json!({ "failure": { "code": failure.code, "message": failure.message } });
        }
        None => {}
    }
    value
}

/// A journal entry.
pub(super) fn entry(entry: &EntryView) -> Value {
    json!({
        "index": entry.index,
        "type": entry.kind,
        "name": entry.name,
        "at": rfc3339(entry.at_ns),
        "attempt": entry.attempt,
        "bytes": entry.size,
    })
}

fn rfc3339(at_ns: u64) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(at_ns))
        .map(|at| at.to_string())
        .unwrap_or_default()
}
