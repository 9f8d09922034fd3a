//! Events of an attempt's span, read from what the attempt added to the journal (TRACES §1).

use std::collections::{BTreeMap, BTreeSet};

use everspan_protocol::frame::MessageType;
use everspan_protocol::ids::{AwakeableId, CANCEL_SIGNAL, InvocationId};
use everspan_protocol::message::{Notification, NotificationId, NotificationResult};
use everspan_state::{Backend, StateError};
use everspan_trace::catalog::attr::{self, result};
use everspan_trace::catalog::event;
use prost::Message as _;

mod command;

use command::{answered, name};

use super::event_list::EventList;
use super::text::{EVENT_TEXT_MAX, cut};
use crate::invocation::{AttemptState, Invocation, JournalEntry};
use crate::record::Awaiting;
use crate::tables::Tables;

/// Entries looked back at to say which run ended, or what an invocation waits for.
const LOOK_BACK: u32 = 256;
/// Things an invocation waits for that are named.
const AWAITED_MAX: usize = 16;

/// A run whose end is to come.
struct Run {
    index: u32,
    name: String,
    begun_ns: u64,
}

/// Events in the making, and which of them later entries belong to.
pub(super) struct Events<'a, B> {
    tables: &'a Tables<B>,
    id: &'a InvocationId,
    attempt: &'a AttemptState,
    events: &'a mut EventList,
    /// By completion id.
    runs: BTreeMap<u32, Run>,
    looked_back: bool,
    /// Completion id of the invocation id → the call's event.
    calls: BTreeMap<u32, usize>,
}

impl<'a, B: Backend> Events<'a, B> {
    /// Makes `list` tell what this attempt has added to the journal, of which the first `journal_len` entries were
    /// there at its end.
    pub(super) fn collect(
        tables: &'a Tables<B>,
        id: &'a InvocationId,
        attempt: &'a AttemptState,
        journal_len: u32,
        list: &'a mut EventList,
    ) -> Result<(), StateError> {
        list.clear();
        let mut events = Self {
            tables,
            id,
            attempt,
            events: list,
            runs: BTreeMap::new(),
            looked_back: false,
            calls: BTreeMap::new(),
        };
        for index in attempt.first_entry..journal_len {
            events.add(index, &tables.entry(id, index)?)?;
        }
        Ok(())
    }

    fn add(&mut self, index: u32, entry: &JournalEntry) -> Result<(), StateError> {
        let ty = MessageType(entry.ty);
        if ty.is_command() {
            self.command(ty, index, entry);
        } else if ty == MessageType::RUN_NOTIFICATION {
            self.run_ended(index, entry)?;
        } else if ty == MessageType::CALL_INVOCATION_ID_NOTIFICATION {
            self.called(entry);
        }
        Ok(())
    }

    fn command(&mut self, ty: MessageType, index: u32, entry: &JournalEntry) {
        let name = name(entry);
        let number = self.events.len();
        let mut attributes = self.events.add(event::NEW_COMMAND, entry.at_ns);
        attributes.text(&attr::COMMAND_TYPE, ty.command_type());
        if !name.is_empty() {
            attributes.text(&attr::COMMAND_NAME, &name);
        }
        attributes.int(&attr::JOURNAL_INDEX, index);
        if ty == MessageType::RUN_COMMAND {
            let begun_ns = entry.at_ns;
            let run = Run {
                index,
                name,
                begun_ns,
            };
            self.runs.insert(answered(entry), run);
        } else if let Some(callee) = command::callee(ty, entry) {
            attributes.text(&attr::CALL_TARGET, &callee.target);
            self.calls.insert(callee.completion_id, number);
        } else {
            command::put_about(ty, entry, &mut attributes);
        }
    }

    /// The event names the run's command, too, so that the two are found together.
    fn run_ended(&mut self, index: u32, entry: &JournalEntry) -> Result<(), StateError> {
        let Ok(notification) = Notification::decode(entry.body.clone()) else {
            return Ok(());
        };
        let run = match notification.id {
            Some(NotificationId::CompletionId(id)) => self.run(id)?,
            _ => None,
        };
        let failed = matches!(notification.result, Some(NotificationResult::Failure(_)));
        let mut attributes = self.events.add(event::RUN_ENDED, entry.at_ns);
        attributes.text(
            &attr::RUN_RESULT,
            if failed { result::FAILURE } else { result::SUCCESS },
        );
        if let Some(run) = run {
            if !run.name.is_empty() {
                attributes.text(&attr::RUN_NAME, &run.name);
            }
            let took_ns = entry.at_ns.saturating_sub(run.begun_ns);
            attributes.double(&attr::RUN_DURATION_MS, took_ns as f64 / 1_000_000.0);
            attributes.int(&attr::RUN_INDEX, run.index);
        }
        attributes.int(&attr::JOURNAL_INDEX, index);
        Ok(())
    }

    fn run(&mut self, completion_id: u32) -> Result<Option<Run>, StateError> {
        if !self.runs.contains_key(&completion_id) && !self.looked_back {
            self.look_back()?;
        }
        Ok(self.runs.remove(&completion_id))
    }

    /// A run that an earlier attempt began may end in this one, which runs it again from its own start.
    fn look_back(&mut self) -> Result<(), StateError> {
        self.looked_back = true;
        let first = self.attempt.first_entry;
        for index in first.saturating_sub(LOOK_BACK)..first {
            let entry = self.tables.entry(self.id, index)?;
            if MessageType(entry.ty) == MessageType::RUN_COMMAND {
                let run = Run {
                    index,
                    name: name(&entry),
                    begun_ns: self.attempt.started_ns,
                };
                self.runs.insert(answered(&entry), run);
            }
        }
        Ok(())
    }

    /// The call's event learns which invocation it made.
    fn called(&mut self, entry: &JournalEntry) {
        let Ok(notification) = Notification::decode(entry.body.clone()) else {
            return;
        };
        if let Some(NotificationId::CompletionId(completion_id)) = notification.id
            && let Some(NotificationResult::InvocationId(callee)) = notification.result
            && let Some(number) = self.calls.remove(&completion_id)
        {
            self.events.note_callee(number, &callee);
        }
    }
}

/// What an invocation about to suspend waits for, in words: `Call Counter/k/add or awakeable sign_1…`.
pub(super) fn in_words<B: Backend>(
    tables: &Tables<B>,
    id: &InvocationId,
    invocation: &Invocation,
    awaiting: &Awaiting,
) -> Result<String, StateError> {
    let mut words = commands_awaited(tables, id, invocation.journal_len, awaiting)?;
    let signals = awaiting.signals.iter().filter(|&&signal| signal != CANCEL_SIGNAL);
    words.extend(signals.map(|&signal| {
        let invocation = *id;
        format!("awakeable {}", AwakeableId { invocation, signal })
    }));
    words.extend(awaiting.named_signals.iter().map(|name| format!("signal {name}")));
    if words.is_empty() {
        words.push("cancellation".to_owned());
    }
    if words.len() > AWAITED_MAX {
        let more = words.split_off(AWAITED_MAX).len();
        words.push(format!("{more} more"));
    }
    Ok(cut(&words.join(" or "), EVENT_TEXT_MAX).into_owned())
}

/// The commands whose answers are awaited, in the order of the journal; most often they are the newest.
fn commands_awaited<B: Backend>(
    tables: &Tables<B>,
    id: &InvocationId,
    journal_len: u32,
    awaiting: &Awaiting,
) -> Result<Vec<String>, StateError> {
    let mut left: BTreeSet<u32> = awaiting.completions.iter().copied().collect();
    let mut words = Vec::new();
    for index in (journal_len.saturating_sub(LOOK_BACK)..journal_len).rev() {
        if left.is_empty() {
            break;
        }
        let entry = tables.entry(id, index)?;
        let ty = MessageType(entry.ty);
        if ty.is_command() && left.remove(&answered(&entry)) {
            words.push(command::in_words(ty, &entry));
        }
    }
    words.reverse();
    words.extend(left.iter().map(|completion| format!("completion {completion}")));
    Ok(words)
}
