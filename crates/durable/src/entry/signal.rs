//! SendSignal: tells another invocation something; signal 1 without a value cancels it.

use everspan_protocol::ids::{CANCEL_SIGNAL, InvocationId};
use everspan_protocol::message::{SendSignalCommand, SignalId, SignalResult};
use everspan_state::Backend;

use super::{Entry, EntryError, failure, refused};
use crate::record::{Message, Outcome, SignalName};

pub(super) fn store<B: Backend>(entry: &mut Entry<'_, B>) -> Result<(), EntryError> {
    let command: SendSignalCommand = entry.decode()?;
    let id: InvocationId = command
        .target_invocation_id
        .parse()
        .map_err(|error| refused(format!("SendSignal to {}: {error}", command.target_invocation_id)))?;
    let name = match command.signal_id {
        Some(SignalId::Index(index)) => SignalName::Index(index),
        Some(SignalId::Name(name)) => SignalName::Name(name),
        None => return Err(refused("SendSignal without a signal")),
    };
    if !name.is_storable() {
        return Err(refused(format!(
            "SendSignal with a name above {} bytes",
            SignalName::NAME_MAX
        )));
    }
    let outcome = match command.result {
        Some(SignalResult::Value(value)) => Some(Outcome::Success(value.content)),
        Some(SignalResult::Failure(wire)) => Some(Outcome::Failure(failure(wire))),
        Some(SignalResult::Void(_)) | None => None,
    };
    entry.append();
    let message = if name == SignalName::Index(CANCEL_SIGNAL) && outcome.is_none() {
        Message::Cancel(id)
    } else {
        Message::Signal { id, name, outcome }
    };
    Ok(entry.machine.send(message)?)
}
