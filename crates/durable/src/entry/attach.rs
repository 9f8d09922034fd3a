//! AttachInvocation and GetInvocationOutput: the result of another invocation, awaited or at once.

use everspan_protocol::frame::MessageType;
use everspan_protocol::ids::InvocationId;
use everspan_protocol::message::{AttachInvocationCommand, GetInvocationOutputCommand, InvocationTarget};
use everspan_state::Backend;

use super::{Entry, EntryError, refused};
use crate::record::{Message, Waiter};

pub(super) fn attach<B: Backend>(entry: &mut Entry<'_, B>) -> Result<(), EntryError> {
    let command: AttachInvocationCommand = entry.decode()?;
    let id = invocation_id(command.target)?;
    entry.append();
    let ty = MessageType::ATTACH_INVOCATION_NOTIFICATION;
    let waiter = Waiter {
        id: *entry.id,
        completion_id: command.result_completion_id,
        notification: ty.0,
    };
    Ok(entry.machine.send(Message::Attach { id, waiter })?)
}

pub(super) fn get_output<B: Backend>(entry: &mut Entry<'_, B>) -> Result<(), EntryError> {
    let command: GetInvocationOutputCommand = entry.decode()?;
    let id = invocation_id(command.target)?;
    entry.append();
    let ty = MessageType::GET_INVOCATION_OUTPUT_NOTIFICATION;
    let waiter = Waiter {
        id: *entry.id,
        completion_id: command.result_completion_id,
        notification: ty.0,
    };
    Ok(entry.machine.send(Message::Peek { id, waiter })?)
}

/// The invocation that is meant.
pub(crate) fn invocation_id(target: Option<InvocationTarget>) -> Result<InvocationId, EntryError> {
    match target {
        Some(InvocationTarget::InvocationId(text)) => text
            .parse()
            .map_err(|error| refused(format!("invocation id {text}: {error}"))),
        Some(InvocationTarget::IdempotentRequest(request)) => Ok(InvocationId::for_idempotency(
            &request.service_name,
            request.service_key.as_deref(),
            &request.handler_name,
            &request.idempotency_key,
        )),
        Some(InvocationTarget::Workflow(workflow)) => Ok(InvocationId::for_workflow(
            &workflow.workflow_name,
            &workflow.workflow_key,
        )),
        None => Err(refused("no invocation is named")),
    }
}
