//! Call and one-way call: another invocation begins, its id told at once.

use everspan_protocol::frame::MessageType;
use everspan_protocol::ids::{InvocationId, partition_key_of};
use everspan_protocol::message::{CallCommand, Header, NotificationResult, OneWayCallCommand};
use everspan_state::Backend;
use xxhash_rust::xxh3::xxh3_128;

use super::{Entry, EntryError, refused};
use crate::record::{HandlerFacts, Message, Source, Submission, TraceOrigin, Waiter};
use crate::target::{HandlerKind, Target};

pub(super) fn call<B: Backend>(entry: &mut Entry<'_, B>) -> Result<(), EntryError> {
    let command: CallCommand = entry.decode()?;
    let waiter = Waiter {
        id: *entry.id,
        completion_id: command.result_completion_id,
        notification: MessageType::CALL_NOTIFICATION.0,
    };
    let callee = Callee {
        target: Target {
            service: command.service_name,
            key: None,
            handler: command.handler_name,
        },
        key: command.key,
        headers: command.headers,
        parameter: command.parameter,
        idempotency_key: command.idempotency_key,
        execute_at_ms: None,
        source: Source::Call(waiter),
    };
    invoke(entry, callee, command.invocation_id_completion_id)
}

pub(super) fn send<B: Backend>(entry: &mut Entry<'_, B>) -> Result<(), EntryError> {
    let command: OneWayCallCommand = entry.decode()?;
    let callee = Callee {
        target: Target {
            service: command.service_name,
            key: None,
            handler: command.handler_name,
        },
        key: command.key,
        headers: command.headers,
        parameter: command.parameter,
        idempotency_key: command.idempotency_key,
        execute_at_ms: (command.invoke_time > 0).then_some(command.invoke_time),
        source: Source::Send(*entry.id),
    };
    invoke(entry, callee, command.invocation_id_completion_id)
}

struct Callee {
    target: Target,
    key: String,
    headers: Vec<Header>,
    parameter: bytes::Bytes,
    idempotency_key: Option<String>,
    execute_at_ms: Option<u64>,
    source: Source,
}

fn invoke<B: Backend>(
    entry: &mut Entry<'_, B>,
    callee: Callee,
    invocation_id_completion_id: u32,
) -> Result<(), EntryError> {
    let facts = entry.frame.callee.clone().ok_or_else(|| {
        refused(format!(
            "no deployment offers {}/{}",
            callee.target.service, callee.target.handler
        ))
    })?;
    let target = with_key(callee.target, callee.key, facts.kind)?;
    let idempotency_key = callee.idempotency_key.filter(|key| !key.is_empty());
    if idempotency_key.is_some() && facts.kind == HandlerKind::Workflow {
        return Err(refused(format!(
            "an idempotency key for {target}, a workflow has its own"
        )));
    }
    let index = entry.append();
    let id = callee_id(entry.id, index, &target, facts.kind, idempotency_key.as_deref());
    let trace = TraceOrigin {
        cause: entry.machine.attempt_context(entry.id, entry.invocation),
        joins: matches!(callee.source, Source::Call(_)),
    };
    let submission = Submission {
        id,
        target,
        handler: HandlerFacts { ..facts },
        headers: callee
            .headers
            .into_iter()
            .map(|header| (header.key, header.value))
            .collect(),
        argument: callee.parameter,
        execute_at_ms: callee.execute_at_ms,
        idempotency_key,
        source: callee.source,
        trace,
    };
    entry.machine.send(Message::Invoke(Box::new(submission)))?;
    let result = NotificationResult::InvocationId(id.to_string());
    entry.notify(
        MessageType::CALL_INVOCATION_ID_NOTIFICATION,
        invocation_id_completion_id,
        result,
    )
}

fn with_key(target: Target, key: String, kind: HandlerKind) -> Result<Target, EntryError> {
    if key.len() > Target::KEY_MAX {
        return Err(refused(format!(
            "a key of {} bytes for {target}, at most {} are allowed",
            key.len(),
            Target::KEY_MAX
        )));
    }
    if kind.is_keyed() {
        return Ok(Target {
            key: Some(key),
            ..target
        });
    }
    if key.is_empty() {
        return Ok(target);
    }
    Err(refused(format!("the key {key} for {target}, which has none")))
}

/// The id follows from the caller's journal, so that a replay calls the same invocation. A callee without key stays
/// in the caller's partition: its call and result need no further record.
fn callee_id(
    caller: &InvocationId,
    index: u32,
    target: &Target,
    kind: HandlerKind,
    idempotency_key: Option<&str>,
) -> InvocationId {
    if kind == HandlerKind::Workflow {
        return InvocationId::for_workflow(&target.service, target.key.as_deref().unwrap_or_default());
    }
    if let Some(idempotency_key) = idempotency_key {
        return InvocationId::for_idempotency(
            &target.service,
            target.key.as_deref(),
            &target.handler,
            idempotency_key,
        );
    }
    let mut seed = caller.as_bytes().to_vec();
    seed.extend_from_slice(&index.to_be_bytes());
    let partition_key = target
        .key
        .as_deref()
        .map_or(caller.partition_key(), partition_key_of);
    InvocationId::from_parts(partition_key, xxh3_128(&seed).to_be_bytes())
}
