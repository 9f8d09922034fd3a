//! Sleep: a timer whose end is a notification.

use everspan_protocol::message::SleepCommand;
use everspan_state::Backend;

use super::{Entry, EntryError};
use crate::record::{Timer, TimerPurpose};

pub(super) fn store<B: Backend>(entry: &mut Entry<'_, B>) -> Result<(), EntryError> {
    let command: SleepCommand = entry.decode()?;
    entry.append();
    let completion_id = command.result_completion_id;
    let at_ms = command.wake_up_time;
    if entry.invocation.sleeps.insert(completion_id, at_ms).is_none() {
        let timer = Timer {
            at_ms,
            id: *entry.id,
            purpose: TimerPurpose::Sleep { completion_id },
        };
        entry.machine.set_timer(timer);
    }
    Ok(())
}
