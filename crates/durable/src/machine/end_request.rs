//! Ending an invocation from outside: cancel asks it, kill does not.

use everspan_protocol::frame::MessageType;
use everspan_protocol::ids::InvocationId;
use everspan_protocol::message::{Notification, NotificationResult};
use everspan_state::{Backend, StateError};
use prost::Message as _;

use super::Machine;
use super::spans::AttemptOutcome;
use super::submit::CANCEL;
use crate::effect::Effect;
use crate::invocation::{AttemptCause, Invocation, Status};
use crate::record::{Failure, Message, Outcome};

impl<B: Backend> Machine<B> {
    /// Cancels: an invocation that has not begun ends at once, another is told by signal and decides itself.
    pub(super) fn cancel(&mut self, id: &InvocationId) -> Result<(), StateError> {
        let Some(mut invocation) = self.tables.invocation(id)? else {
            return Ok(());
        };
        match invocation.status {
            _ if invocation.attempt.number == 0 => {
                self.complete(*id, invocation, Outcome::Failure(Failure::new(409, "canceled")))
            }
            _ => {
                self.append_signal(id, &mut invocation, &CANCEL, None)?;
                if invocation.status == Status::Paused {
                    self.begin_attempt(id, &mut invocation, AttemptCause::Resume);
                }
                self.store(id, &invocation);
                Ok(())
            }
        }
    }

    /// Kills the invocation and, through the journal, every invocation it called or sent.
    pub(super) fn kill(&mut self, id: &InvocationId) -> Result<(), StateError> {
        let Some(mut invocation) = self.tables.invocation(id)? else {
            return Ok(());
        };
        for child in self.children(id, &invocation)? {
            self.send(Message::Kill(child))?;
        }
        if invocation.status == Status::Running {
            self.abort(id, invocation.attempt.number);
            self.attempt_over(id, &mut invocation, AttemptOutcome::Killed)?;
        }
        self.complete(*id, invocation, Outcome::Failure(Failure::new(409, "killed")))
    }

    /// Ends the conversation of an attempt, if it was begun.
    pub(super) fn abort(&mut self, id: &InvocationId, attempt: u32) {
        if self.slots.is_started(id) {
            self.emit(Effect::AbortAttempt { id: *id, attempt });
        }
    }

    /// The invocations this one called or sent, as its journal names them.
    fn children(&self, id: &InvocationId, invocation: &Invocation) -> Result<Vec<InvocationId>, StateError> {
        let mut children = Vec::new();
        for index in 0..invocation.journal_len {
            let entry = self.tables.entry(id, index)?;
            if MessageType(entry.ty) != MessageType::CALL_INVOCATION_ID_NOTIFICATION {
                continue;
            }
            let notification = Notification::decode(entry.body).expect("the machine wrote this notification");
            if let Some(NotificationResult::InvocationId(child)) = notification.result {
                children.push(child.parse().expect("the machine wrote this id"));
            }
        }
        Ok(children)
    }
}
