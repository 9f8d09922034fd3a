//! Appending to a journal, and what an appended notification sets in motion.

use bytes::Bytes;
use everspan_protocol::frame::{self, MessageType};
use everspan_protocol::ids::{FIRST_AWAKEABLE_SIGNAL, InvocationId};
use everspan_protocol::message::{
    Failure as WireFailure, FailureMetadata, Notification, NotificationId, NotificationResult, Value, Void,
};
use everspan_state::{Backend, StateError};
use prost::Message as _;

use super::Machine;
use crate::effect::Effect;
use crate::invocation::{AttemptCause, Invocation, JournalEntry, Status};
use crate::record::{Awaiting, Outcome, SignalName};

impl<B: Backend> Machine<B> {
    /// Appends an entry and returns its index. Any entry counts as progress.
    pub(crate) fn append_entry(
        &mut self,
        id: &InvocationId,
        invocation: &mut Invocation,
        ty: MessageType,
        body: Bytes,
    ) -> u32 {
        let index = invocation.journal_len;
        let entry = JournalEntry {
            ty: ty.0,
            body,
            at_ns: self.now_ns,
            attempt: invocation.attempt.number,
        };
        self.tables.put_entry(id, index, entry);
        invocation.journal_len += 1;
        invocation.last_entry_ns = self.now_ns;
        invocation.failures = 0;
        index
    }

    /// Appends the answer to completion `completion_id`, once: a second answer is dropped.
    pub(crate) fn complete_entry(
        &mut self,
        id: &InvocationId,
        invocation: &mut Invocation,
        ty: MessageType,
        completion_id: u32,
        result: NotificationResult,
    ) -> Result<(), StateError> {
        if self.tables.completion(id, completion_id)?.is_some() {
            return Ok(());
        }
        let body: Bytes = Notification::new(NotificationId::CompletionId(completion_id), result)
            .encode_to_vec()
            .into();
        let index = self.append_notification(id, invocation, ty, body);
        self.tables.put_completion(id, completion_id, index);
        if is_awaited(invocation, |awaiting| {
            awaiting.completions.contains(&completion_id)
        }) {
            self.begin_attempt(id, invocation, AttemptCause::Resume);
        }
        Ok(())
    }

    /// Appends a signal. An awakeable is completed once; a named signal and a cancel may come again and again. One
    /// whose name is too long to be waited for is dropped.
    pub(super) fn append_signal(
        &mut self,
        id: &InvocationId,
        invocation: &mut Invocation,
        name: &SignalName,
        outcome: Option<&Outcome>,
    ) -> Result<(), StateError> {
        let is_awakeable = matches!(name, SignalName::Index(index) if *index >= FIRST_AWAKEABLE_SIGNAL);
        if !name.is_storable() || (is_awakeable && self.tables.signal(id, name)?.is_some()) {
            return Ok(());
        }
        let result = outcome.map_or_else(void, outcome_result);
        let notification = match name {
            SignalName::Index(index) => Notification::new(NotificationId::SignalIndex(*index), result),
            SignalName::Name(name) => Notification::new(NotificationId::SignalName(name.clone()), result),
        };
        let body: Bytes = notification.encode_to_vec().into();
        let index = self.append_notification(id, invocation, MessageType::SIGNAL_NOTIFICATION, body);
        self.tables.put_signal(id, name, index);
        let awaited = is_awaited(invocation, |awaiting| match name {
            SignalName::Index(index) => awaiting.signals.contains(index),
            SignalName::Name(name) => awaiting.named_signals.contains(name),
        });
        if awaited {
            self.begin_attempt(id, invocation, AttemptCause::Resume);
        }
        Ok(())
    }

    fn append_notification(
        &mut self,
        id: &InvocationId,
        invocation: &mut Invocation,
        ty: MessageType,
        body: Bytes,
    ) -> u32 {
        if invocation.status == Status::Running && self.slots.is_started(id) {
            let mut framed = Vec::with_capacity(8 + body.len());
            frame::encode(ty, &body, &mut framed);
            let attempt = invocation.attempt.number;
            self.emit(Effect::Notify {
                id: *id,
                attempt,
                frame: framed.into(),
            });
        }
        invocation.notifications += 1;
        self.append_entry(id, invocation, ty, body)
    }

    /// Whether anything of this has come already. A signal that was replayed to the attempt does not count: the
    /// SDK has taken it and waits for the next one of this name.
    pub(super) fn has_any(
        &self,
        id: &InvocationId,
        invocation: &Invocation,
        awaiting: &Awaiting,
    ) -> Result<bool, StateError> {
        for &completion_id in &awaiting.completions {
            if self.tables.completion(id, completion_id)?.is_some() {
                return Ok(true);
            }
        }
        let indexes = awaiting.signals.iter().map(|&index| SignalName::Index(index));
        let names = awaiting
            .named_signals
            .iter()
            .map(|name| SignalName::Name(name.clone()));
        for name in indexes.chain(names) {
            if !name.is_storable() {
                continue;
            }
            let newest = self.tables.signal(id, &name)?;
            if newest.is_some_and(|index| index >= invocation.attempt.first_entry) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn is_awaited(invocation: &Invocation, by: impl Fn(&Awaiting) -> bool) -> bool {
    matches!(&invocation.status, Status::Suspended(awaiting) if by(awaiting))
}

/// "Nothing", as the result of a notification.
pub(crate) fn void() -> NotificationResult {
    NotificationResult::Void(Void {})
}

/// An outcome, as the result of a notification.
pub(crate) fn outcome_result(outcome: &Outcome) -> NotificationResult {
    match outcome {
        Outcome::Success(content) => NotificationResult::Value(Value {
            content: content.clone(),
        }),
        Outcome::Failure(failure) => NotificationResult::Failure(WireFailure {
            code: u32::from(failure.code),
            message: failure.message.clone(),
            metadata: failure
                .metadata
                .iter()
                .map(|(key, value)| FailureMetadata {
                    key: key.clone(),
                    value: value.clone(),
                })
                .collect(),
        }),
    }
}
