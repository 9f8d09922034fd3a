//! State commands of objects and workflows.

use everspan_protocol::frame::MessageType;
use everspan_protocol::message::{
    ClearStateCommand, GetLazyStateCommand, GetLazyStateKeysCommand, NotificationResult, SetStateCommand,
    StateKeys, Value,
};
use everspan_state::Backend;

use super::{Entry, EntryError, content, refused};
use crate::machine::void;

/// The longest state key, bytes.
const STATE_KEY_MAX: usize = 16 * 1024;

fn check_key(key: &[u8]) -> Result<(), EntryError> {
    if key.len() <= STATE_KEY_MAX {
        return Ok(());
    }
    Err(refused(format!(
        "a state key of {} bytes, at most {STATE_KEY_MAX} are allowed",
        key.len()
    )))
}

pub(super) fn set<B: Backend>(entry: &mut Entry<'_, B>) -> Result<(), EntryError> {
    entry.require_write()?;
    let command: SetStateCommand = entry.decode()?;
    check_key(&command.key)?;
    entry.append();
    let value = content(command.value);
    entry
        .machine
        .tables()
        .put_value(&entry.invocation.target, &command.key, &value);
    Ok(())
}

pub(super) fn clear<B: Backend>(entry: &mut Entry<'_, B>) -> Result<(), EntryError> {
    entry.require_write()?;
    let command: ClearStateCommand = entry.decode()?;
    check_key(&command.key)?;
    entry.append();
    entry
        .machine
        .tables()
        .delete_value(&entry.invocation.target, &command.key);
    Ok(())
}

pub(super) fn clear_all<B: Backend>(entry: &mut Entry<'_, B>) -> Result<(), EntryError> {
    entry.require_write()?;
    entry.append();
    let target = &entry.invocation.target;
    for (key, _) in entry.machine.tables().values(target)? {
        entry.machine.tables().delete_value(target, &key);
    }
    Ok(())
}

pub(super) fn get_lazy<B: Backend>(entry: &mut Entry<'_, B>) -> Result<(), EntryError> {
    entry.require_key()?;
    let command: GetLazyStateCommand = entry.decode()?;
    check_key(&command.key)?;
    entry.append();
    let result = match entry
        .machine
        .tables()
        .value(&entry.invocation.target, &command.key)?
    {
        Some(content) => NotificationResult::Value(Value { content }),
        None => void(),
    };
    entry.notify(
        MessageType::GET_LAZY_STATE_NOTIFICATION,
        command.result_completion_id,
        result,
    )
}

pub(super) fn get_lazy_keys<B: Backend>(entry: &mut Entry<'_, B>) -> Result<(), EntryError> {
    entry.require_key()?;
    let command: GetLazyStateKeysCommand = entry.decode()?;
    entry.append();
    let values = entry.machine.tables().values(&entry.invocation.target)?;
    let keys = values.into_iter().map(|(key, _)| key).collect();
    let result = NotificationResult::StateKeys(StateKeys { keys });
    entry.notify(
        MessageType::GET_LAZY_STATE_KEYS_NOTIFICATION,
        command.result_completion_id,
        result,
    )
}

/// The SDK answered itself from the state it was sent; the journal keeps what it read.
pub(super) fn note_eager<B: Backend>(entry: &mut Entry<'_, B>) -> Result<(), EntryError> {
    entry.require_key()?;
    entry.append();
    Ok(())
}
