//! Run: a closure of the SDK whose result, once proposed, is stored and never worked out again.

use everspan_protocol::frame::MessageType;
use everspan_protocol::message::{NotificationResult, ProposeRunCompletion, RunCommand, RunProposal, Value};
use everspan_state::Backend;

use super::{Entry, EntryError, refused};

pub(super) fn store<B: Backend>(entry: &mut Entry<'_, B>) -> Result<(), EntryError> {
    entry.decode::<RunCommand>()?;
    entry.append();
    Ok(())
}

/// The proposal is not an entry: the notification that carries it is.
pub(super) fn propose<B: Backend>(entry: &mut Entry<'_, B>) -> Result<(), EntryError> {
    let proposal: ProposeRunCompletion = entry.decode()?;
    let result = match proposal.result {
        Some(RunProposal::Value(content)) => NotificationResult::Value(Value { content }),
        Some(RunProposal::Failure(failure)) => NotificationResult::Failure(failure),
        None => return Err(refused("a run was proposed without a result")),
    };
    entry.notify(
        MessageType::RUN_NOTIFICATION,
        proposal.result_completion_id,
        result,
    )
}
