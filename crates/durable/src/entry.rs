//! The journal's entries: what each command of an SDK does when it is stored, one kind a file.
//!
//! An entry may change the keyed state, start a timer, message another invocation, or append the notification that
//! answers it. What it may not do ends the attempt with a [`EntryError::Refused`].

use bytes::Bytes;
use everspan_protocol::frame::MessageType;
use everspan_protocol::ids::InvocationId;
use everspan_protocol::message::{Failure as WireFailure, NotificationResult};
use everspan_state::{Backend, StateError};
use prost::Message as _;

use crate::invocation::Invocation;
use crate::machine::Machine;
use crate::record::{AttemptError, Failure, StoredFrame};

mod attach;
mod awakeable;
mod call;
mod output;
mod promise;
mod run;
mod signal;
mod sleep;
mod state;

pub(crate) use attach::invocation_id as attached;

/// Why an entry is not stored.
#[derive(Debug)]
pub(crate) enum EntryError {
    /// The partition's state cannot be read.
    State(StateError),
    /// The SDK may not do this; the attempt ends.
    Refused(AttemptError),
}

impl From<StateError> for EntryError {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

/// A violation of the service protocol (code 571).
pub(crate) fn refused(message: impl Into<String>) -> EntryError {
    EntryError::Refused(AttemptError {
        code: 571,
        message: message.into(),
        stacktrace: String::new(),
    })
}

/// An entry on its way into a journal.
pub(crate) struct Entry<'a, B> {
    machine: &'a mut Machine<B>,
    id: &'a InvocationId,
    invocation: &'a mut Invocation,
    frame: &'a StoredFrame,
}

/// Stores one frame of an attempt and does what it asks for.
pub(crate) fn store<B: Backend>(
    machine: &mut Machine<B>,
    id: &InvocationId,
    invocation: &mut Invocation,
    frame: &StoredFrame,
) -> Result<(), EntryError> {
    let ty = MessageType(frame.ty);
    let mut entry = Entry {
        machine,
        id,
        invocation,
        frame,
    };
    match ty {
        MessageType::PROPOSE_RUN_COMPLETION => run::propose(&mut entry),
        MessageType::OUTPUT_COMMAND => output::store(&mut entry),
        MessageType::SET_STATE_COMMAND => state::set(&mut entry),
        MessageType::CLEAR_STATE_COMMAND => state::clear(&mut entry),
        MessageType::CLEAR_ALL_STATE_COMMAND => state::clear_all(&mut entry),
        MessageType::GET_LAZY_STATE_COMMAND => state::get_lazy(&mut entry),
        MessageType::GET_LAZY_STATE_KEYS_COMMAND => state::get_lazy_keys(&mut entry),
        MessageType::GET_EAGER_STATE_COMMAND | MessageType::GET_EAGER_STATE_KEYS_COMMAND => {
            state::note_eager(&mut entry)
        }
        MessageType::SLEEP_COMMAND => sleep::store(&mut entry),
        MessageType::CALL_COMMAND => call::call(&mut entry),
        MessageType::ONE_WAY_CALL_COMMAND => call::send(&mut entry),
        MessageType::RUN_COMMAND => run::store(&mut entry),
        MessageType::SEND_SIGNAL_COMMAND => signal::store(&mut entry),
        MessageType::COMPLETE_AWAKEABLE_COMMAND => awakeable::store(&mut entry),
        MessageType::ATTACH_INVOCATION_COMMAND => attach::attach(&mut entry),
        MessageType::GET_INVOCATION_OUTPUT_COMMAND => attach::get_output(&mut entry),
        MessageType::GET_PROMISE_COMMAND => promise::get(&mut entry),
        MessageType::PEEK_PROMISE_COMMAND => promise::peek(&mut entry),
        MessageType::COMPLETE_PROMISE_COMMAND => promise::complete(&mut entry),
        _ if ty.is_custom() => {
            entry.append();
            Ok(())
        }
        _ => Err(refused(format!("{ty} is not for the runtime"))),
    }
}

impl<B: Backend> Entry<'_, B> {
    fn decode<M: prost::Message + Default>(&self) -> Result<M, EntryError> {
        M::decode(self.frame.body.clone())
            .map_err(|error| refused(format!("malformed {}: {error}", MessageType(self.frame.ty))))
    }

    /// Appends the frame as it came; returns its index.
    fn append(&mut self) -> u32 {
        let ty = MessageType(self.frame.ty);
        self.machine
            .append_entry(self.id, self.invocation, ty, self.frame.body.clone())
    }

    /// Appends the answer to one of the frame's completions.
    fn notify(
        &mut self,
        ty: MessageType,
        completion_id: u32,
        result: NotificationResult,
    ) -> Result<(), EntryError> {
        Ok(self
            .machine
            .complete_entry(self.id, self.invocation, ty, completion_id, result)?)
    }

    fn require_key(&self) -> Result<(), EntryError> {
        if self.invocation.handler.kind.is_keyed() {
            return Ok(());
        }
        Err(refused(format!(
            "{} uses state, but {} has no key",
            self.frame_name(),
            self.invocation.target
        )))
    }

    fn require_write(&self) -> Result<(), EntryError> {
        self.require_key()?;
        if self.invocation.handler.kind.may_write() {
            return Ok(());
        }
        Err(refused(format!(
            "{} writes state, but {} is a shared handler",
            self.frame_name(),
            self.invocation.target
        )))
    }

    fn frame_name(&self) -> &'static str {
        MessageType(self.frame.ty).name().unwrap_or("a custom command")
    }
}

/// A failure of the wire as the machine keeps it; a code that is none becomes 500.
fn failure(wire: WireFailure) -> Failure {
    Failure {
        code: u16::try_from(wire.code).unwrap_or(500),
        message: wire.message,
        metadata: wire
            .metadata
            .into_iter()
            .map(|pair| (pair.key, pair.value))
            .collect(),
    }
}

/// The content of an optional value; absent is empty.
fn content(value: Option<everspan_protocol::message::Value>) -> Bytes {
    value.map(|value| value.content).unwrap_or_default()
}

/// Every command has its name in field 12.
#[derive(Clone, PartialEq, prost::Message)]
struct Named {
    #[prost(string, tag = "12")]
    name: String,
}

/// The name a command was given; empty for none.
pub(crate) fn name(body: &Bytes) -> String {
    Named::decode(&body[..])
        .map(|named| named.name)
        .unwrap_or_default()
}
