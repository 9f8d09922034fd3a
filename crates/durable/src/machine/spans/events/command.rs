//! What a command is about, read from its bytes: as attributes, and in words.

use everspan_protocol::frame::MessageType;
use everspan_protocol::message::{
    AttachInvocationCommand, CallCommand, CompleteAwakeableCommand, GetInvocationOutputCommand,
    OneWayCallCommand, SendSignalCommand, SleepCommand,
};
use everspan_trace::catalog::attr;
use everspan_trace::otlp::AttributeEncoder;
use prost::Message;

use super::super::text::{EVENT_TEXT_MAX, cut, rfc3339};
use crate::entry;
use crate::invocation::JournalEntry;

/// Whom the answer to a command is for.
#[derive(Clone, PartialEq, Message)]
struct Answered {
    #[prost(uint32, tag = "11")]
    completion_id: u32,
}

/// Which value a state command, or which promise a promise command, is about.
#[derive(Clone, PartialEq, Message)]
struct Keyed {
    #[prost(bytes = "bytes", tag = "1")]
    key: bytes::Bytes,
}

/// A call or send: its target, and the completion id of its invocation id.
pub(super) struct Callee {
    pub(super) target: String,
    pub(super) completion_id: u32,
}

/// The completion id that a command names for its answer; 0 is none.
pub(super) fn answered(entry: &JournalEntry) -> u32 {
    Answered::decode(&entry.body[..])
        .unwrap_or_default()
        .completion_id
}

/// The name the user gave it; empty for none.
pub(super) fn name(entry: &JournalEntry) -> String {
    shortened(entry::name(&entry.body))
}

/// The key is part of the target: unlike a span's name, an event may be as particular as it likes.
pub(super) fn callee(ty: MessageType, entry: &JournalEntry) -> Option<Callee> {
    let (service, key, handler, completion_id) = match ty {
        MessageType::CALL_COMMAND => {
            let call: CallCommand = decode(entry);
            let completion_id = call.invocation_id_completion_id;
            (call.service_name, call.key, call.handler_name, completion_id)
        }
        MessageType::ONE_WAY_CALL_COMMAND => {
            let call: OneWayCallCommand = decode(entry);
            let completion_id = call.invocation_id_completion_id;
            (call.service_name, call.key, call.handler_name, completion_id)
        }
        _ => return None,
    };
    let target = if key.is_empty() {
        format!("{service}/{handler}")
    } else {
        format!("{service}/{key}/{handler}")
    };
    Some(Callee {
        target: shortened(target),
        completion_id,
    })
}

/// What any other command is about.
pub(super) fn put_about(ty: MessageType, entry: &JournalEntry, attributes: &mut AttributeEncoder<'_>) {
    match ty {
        MessageType::GET_LAZY_STATE_COMMAND
        | MessageType::SET_STATE_COMMAND
        | MessageType::CLEAR_STATE_COMMAND
        | MessageType::GET_EAGER_STATE_COMMAND => attributes.text(&attr::STATE_KEY, &key(entry)),
        MessageType::GET_PROMISE_COMMAND
        | MessageType::PEEK_PROMISE_COMMAND
        | MessageType::COMPLETE_PROMISE_COMMAND => attributes.text(&attr::PROMISE_NAME, &key(entry)),
        MessageType::COMPLETE_AWAKEABLE_COMMAND => {
            let id = decode::<CompleteAwakeableCommand>(entry).awakeable_id;
            attributes.text(&attr::AWAKEABLE_ID, &cut(&id, EVENT_TEXT_MAX));
        }
        _ => {
            if let Some(id) = invocation(ty, entry) {
                attributes.text(&attr::CALL_INVOCATION_ID, &id);
            }
        }
    }
}

/// The invocation a command is about that does not make it.
fn invocation(ty: MessageType, entry: &JournalEntry) -> Option<String> {
    let target = match ty {
        MessageType::SEND_SIGNAL_COMMAND => {
            let id = decode::<SendSignalCommand>(entry).target_invocation_id;
            return Some(shortened(id));
        }
        MessageType::ATTACH_INVOCATION_COMMAND => decode::<AttachInvocationCommand>(entry).target,
        MessageType::GET_INVOCATION_OUTPUT_COMMAND => decode::<GetInvocationOutputCommand>(entry).target,
        _ => return None,
    };
    entry::attached(target).ok().map(|id| id.to_string())
}

/// A command whose answer is awaited: `Sleep nap until 2026-01-01T00:00:00Z`, `Call Counter/k/add`.
pub(super) fn in_words(ty: MessageType, entry: &JournalEntry) -> String {
    let mut words = ty.name().unwrap_or("Custom").to_owned();
    let name = name(entry);
    let what = match ty {
        MessageType::CALL_COMMAND => callee(ty, entry).map(|callee| callee.target),
        MessageType::GET_PROMISE_COMMAND | MessageType::GET_LAZY_STATE_COMMAND => Some(key(entry)),
        MessageType::ATTACH_INVOCATION_COMMAND => invocation(ty, entry),
        MessageType::SLEEP_COMMAND => {
            let until = rfc3339(decode::<SleepCommand>(entry).wake_up_time);
            Some(until)
                .filter(|until| !until.is_empty())
                .map(|until| format!("until {until}"))
        }
        _ => None,
    };
    for word in [name.as_str(), &what.unwrap_or_default()] {
        if !word.is_empty() {
            words.push(' ');
            words.push_str(word);
        }
    }
    words
}

fn key(entry: &JournalEntry) -> String {
    shortened(String::from_utf8_lossy(&decode::<Keyed>(entry).key).into_owned())
}

fn shortened(text: String) -> String {
    if text.len() <= EVENT_TEXT_MAX {
        return text;
    }
    cut(&text, EVENT_TEXT_MAX).into_owned()
}

/// The machine has decoded every command before it stored it.
fn decode<M: Message + Default>(entry: &JournalEntry) -> M {
    M::decode(entry.body.clone()).unwrap_or_default()
}
