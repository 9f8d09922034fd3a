//! The events of an attempt's span, read from what the attempt added to the journal (TRACES §1).

use std::collections::BTreeMap;

use everspan_protocol::frame::MessageType;
use everspan_protocol::ids::{CANCEL_SIGNAL, InvocationId};
use everspan_protocol::message::{
    CallCommand, Notification, NotificationId, NotificationResult, OneWayCallCommand,
};
use everspan_state::{Backend, StateError};
use everspan_trace::catalog::attr::{self, result};
use everspan_trace::catalog::event;
use everspan_trace::{Event, KeyValue};
use prost::Message as _;

use crate::entry;
use crate::invocation::{Invocation, JournalEntry};
use crate::record::Awaiting;
use crate::tables::Tables;

/// Entries looked back at to say which run ended, or what an invocation waits for.
const LOOK_BACK: u32 = 256;

/// Whom the answer to a command is for.
#[derive(Clone, PartialEq, prost::Message)]
struct Answered {
    #[prost(uint32, tag = "11")]
    completion_id: u32,
}

/// Which value a state command is about.
#[derive(Clone, PartialEq, prost::Message)]
struct AboutState {
    #[prost(bytes = "bytes", tag = "1")]
    key: bytes::Bytes,
}

/// Events in the making, and which of them later entries belong to.
#[derive(Default)]
pub(super) struct Events {
    events: Vec<Event>,
    /// Completion id → the run's name and when it was stored.
    runs: BTreeMap<u32, (String, u64)>,
    /// Completion id of the invocation id → the call's event.
    calls: BTreeMap<u32, usize>,
}

impl Events {
    /// What the attempt under way has added to the journal.
    pub(super) fn of_attempt<B: Backend>(
        tables: &Tables<B>,
        id: &InvocationId,
        invocation: &Invocation,
    ) -> Result<Vec<Event>, StateError> {
        let mut events = Self::default();
        let first = invocation.attempt.first_entry;
        for index in first.saturating_sub(LOOK_BACK)..first {
            events.note_earlier_run(&tables.entry(id, index)?, invocation.attempt.started_ns);
        }
        for index in first..invocation.journal_len {
            events.add(index, &tables.entry(id, index)?);
        }
        Ok(events.events)
    }

    /// A run that an earlier attempt began may end in this one, which runs it again from its own start.
    fn note_earlier_run(&mut self, entry: &JournalEntry, started_ns: u64) {
        if MessageType(entry.ty) == MessageType::RUN_COMMAND {
            self.runs
                .insert(answered(entry), (entry::name(&entry.body), started_ns));
        }
    }

    fn add(&mut self, index: u32, entry: &JournalEntry) {
        let ty = MessageType(entry.ty);
        if ty.is_command() {
            self.command(ty, index, entry);
        } else if ty == MessageType::RUN_NOTIFICATION {
            self.run_ended(index, entry);
        } else if ty == MessageType::CALL_INVOCATION_ID_NOTIFICATION {
            self.called(entry);
        }
    }

    fn command(&mut self, ty: MessageType, index: u32, entry: &JournalEntry) {
        let mut attributes =
            vec![attr::COMMAND_TYPE.value(format!("Command/{}", ty.name().unwrap_or("Custom")))];
        let name = entry::name(&entry.body);
        if !name.is_empty() {
            attributes.push(attr::COMMAND_NAME.value(name.clone()));
        }
        attributes.push(attr::JOURNAL_INDEX.value(i64::from(index)));
        match ty {
            MessageType::RUN_COMMAND => {
                self.runs.insert(answered(entry), (name, entry.at_ns));
            }
            MessageType::CALL_COMMAND | MessageType::ONE_WAY_CALL_COMMAND => {
                let (target, completion_id) = callee(ty, entry);
                attributes.push(attr::CALL_TARGET.value(target));
                self.calls.insert(completion_id, self.events.len());
            }
            _ if is_about_state(ty) => {
                attributes.push(attr::STATE_KEY.value(state_key(entry)));
            }
            _ => {}
        }
        self.push(event::NEW_COMMAND, entry.at_ns, attributes);
    }

    fn run_ended(&mut self, index: u32, entry: &JournalEntry) {
        let Ok(notification) = Notification::decode(entry.body.clone()) else {
            return;
        };
        let failed = matches!(notification.result, Some(NotificationResult::Failure(_)));
        let mut attributes =
            vec![attr::RUN_RESULT.value(if failed { result::FAILURE } else { result::SUCCESS })];
        if let Some(NotificationId::CompletionId(id)) = notification.id
            && let Some((name, begun_ns)) = self.runs.remove(&id)
        {
            if !name.is_empty() {
                attributes.push(attr::RUN_NAME.value(name));
            }
            let took_ns = entry.at_ns.saturating_sub(begun_ns);
            attributes.push(attr::RUN_DURATION_MS.value(took_ns as f64 / 1_000_000.0));
        }
        attributes.push(attr::JOURNAL_INDEX.value(i64::from(index)));
        self.push(event::RUN_ENDED, entry.at_ns, attributes);
    }

    /// The call's event learns which invocation it made.
    fn called(&mut self, entry: &JournalEntry) {
        let Ok(notification) = Notification::decode(entry.body.clone()) else {
            return;
        };
        if let Some(NotificationId::CompletionId(completion_id)) = notification.id
            && let Some(NotificationResult::InvocationId(callee)) = notification.result
            && let Some(event) = self.calls.remove(&completion_id)
        {
            self.events[event]
                .attributes
                .push(attr::CALL_INVOCATION_ID.value(callee));
        }
    }

    fn push(&mut self, name: &'static str, time_ns: u64, attributes: Vec<KeyValue>) {
        self.events.push(Event {
            time_ns,
            name: name.into(),
            attributes,
        });
    }
}

/// The completion id that a command names for its answer; 0 is none.
fn answered(entry: &JournalEntry) -> u32 {
    Answered::decode(entry.body.clone())
        .unwrap_or_default()
        .completion_id
}

fn state_key(entry: &JournalEntry) -> String {
    let about = AboutState::decode(entry.body.clone()).unwrap_or_default();
    String::from_utf8_lossy(&about.key).into_owned()
}

fn is_about_state(ty: MessageType) -> bool {
    matches!(
        ty,
        MessageType::GET_LAZY_STATE_COMMAND
            | MessageType::SET_STATE_COMMAND
            | MessageType::CLEAR_STATE_COMMAND
            | MessageType::GET_EAGER_STATE_COMMAND
    )
}

/// The target of a call or send, and the completion id of its invocation id. The key is part of the event: unlike
/// a span's name, an event may be as particular as it likes.
fn callee(ty: MessageType, entry: &JournalEntry) -> (String, u32) {
    let (service, key, handler, completion_id) = if ty == MessageType::CALL_COMMAND {
        let call = CallCommand::decode(entry.body.clone()).unwrap_or_default();
        (
            call.service_name,
            call.key,
            call.handler_name,
            call.invocation_id_completion_id,
        )
    } else {
        let call = OneWayCallCommand::decode(entry.body.clone()).unwrap_or_default();
        (
            call.service_name,
            call.key,
            call.handler_name,
            call.invocation_id_completion_id,
        )
    };
    let target = if key.is_empty() {
        format!("{service}/{handler}")
    } else {
        format!("{service}/{key}/{handler}")
    };
    (target, completion_id)
}

/// What a suspended invocation waits for, in words: `Sleep nap or Call Counter/k/add`.
pub(super) fn in_words<B: Backend>(
    tables: &Tables<B>,
    id: &InvocationId,
    invocation: &Invocation,
    awaiting: &Awaiting,
) -> Result<String, StateError> {
    let mut words = Vec::new();
    for index in invocation.journal_len.saturating_sub(LOOK_BACK)..invocation.journal_len {
        let entry = tables.entry(id, index)?;
        let ty = MessageType(entry.ty);
        if ty.is_command() && awaiting.completions.contains(&answered(&entry)) {
            words.push(described(ty, &entry));
        }
    }
    for signal in awaiting.signals.iter().filter(|&&signal| signal != CANCEL_SIGNAL) {
        words.push(format!("awakeable {signal}"));
    }
    words.extend(awaiting.named_signals.iter().map(|name| format!("signal {name}")));
    if words.is_empty() {
        words.push("cancellation".to_owned());
    }
    Ok(words.join(" or "))
}

fn described(ty: MessageType, entry: &JournalEntry) -> String {
    let kind = ty.name().unwrap_or("Custom");
    if ty == MessageType::CALL_COMMAND {
        return format!("{kind} {}", callee(ty, entry).0);
    }
    match entry::name(&entry.body) {
        name if name.is_empty() => kind.to_owned(),
        name => format!("{kind} {name}"),
    }
}
