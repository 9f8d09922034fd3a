//! Output: the result; it counts once the SDK's End has arrived.

use everspan_protocol::message::{OutputCommand, OutputResult};
use everspan_state::Backend;

use super::{Entry, EntryError, failure, refused};
use crate::record::Outcome;

pub(super) fn store<B: Backend>(entry: &mut Entry<'_, B>) -> Result<(), EntryError> {
    let command: OutputCommand = entry.decode()?;
    let outcome = match command.result {
        Some(OutputResult::Value(value)) => Outcome::Success(value.content),
        Some(OutputResult::Failure(wire)) => Outcome::Failure(failure(wire)),
        None => return Err(refused("Output without a result")),
    };
    entry.append();
    entry.invocation.output = Some(outcome);
    Ok(())
}
