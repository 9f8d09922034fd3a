//! CompleteAwakeable: a handler completes an awakeable of any invocation.

use everspan_protocol::ids::{AwakeableId, FIRST_AWAKEABLE_SIGNAL};
use everspan_protocol::message::{CompleteAwakeableCommand, Completion};
use everspan_state::Backend;

use super::{Entry, EntryError, failure, refused};
use crate::record::{Message, Outcome, SignalName};

pub(super) fn store<B: Backend>(entry: &mut Entry<'_, B>) -> Result<(), EntryError> {
    let command: CompleteAwakeableCommand = entry.decode()?;
    let awakeable: AwakeableId = command
        .awakeable_id
        .parse()
        .map_err(|error| refused(format!("CompleteAwakeable {}: {error}", command.awakeable_id)))?;
    if awakeable.signal < FIRST_AWAKEABLE_SIGNAL {
        return Err(refused(format!("{} is not an awakeable", command.awakeable_id)));
    }
    let outcome = match command.result {
        Some(Completion::Value(value)) => Outcome::Success(value.content),
        Some(Completion::Failure(wire)) => Outcome::Failure(failure(wire)),
        None => return Err(refused("CompleteAwakeable without a result")),
    };
    entry.append();
    let name = SignalName::Index(awakeable.signal);
    Ok(entry.machine.send(Message::Signal {
        id: awakeable.invocation,
        name,
        outcome: Some(outcome),
    })?)
}
