//! The end of an invocation: result stored, those who wait told, the lock handed on.

use everspan_protocol::ids::InvocationId;
use everspan_state::{Backend, StateError};

use super::Machine;
use crate::effect::Effect;
use crate::invocation::{Completed, Invocation, Status};
use crate::record::{Expiry, Message, Outcome, Timer, TimerPurpose};

impl<B: Backend> Machine<B> {
    /// Ends the invocation with this outcome, wherever it stands.
    pub(super) fn complete(
        &mut self,
        id: InvocationId,
        invocation: Invocation,
        outcome: Outcome,
    ) -> Result<(), StateError> {
        self.slots.release(&id, &invocation.status);
        self.drop_timers(&id, &invocation);
        self.invocation_over(&id, &invocation, &outcome)?;
        for waiter in &invocation.waiters {
            self.send(Message::Complete {
                waiter: *waiter,
                outcome: Some(outcome.clone()),
            })?;
        }
        self.emit(Effect::Completed {
            id,
            outcome: outcome.clone(),
            expires_ms: None,
        });
        self.tables.delete_invocation(&id);
        if invocation.notifications > 0 {
            self.tables.delete_notification_index(&id)?;
        }
        self.keep_or_forget(&id, &invocation, outcome)?;
        self.leave_key(&id, &invocation)
    }

    fn drop_timers(&mut self, id: &InvocationId, invocation: &Invocation) {
        for (&completion_id, &at_ms) in &invocation.sleeps {
            self.drop_timer(&Timer {
                at_ms,
                id: *id,
                purpose: TimerPurpose::Sleep { completion_id },
            });
        }
        match invocation.status {
            Status::Scheduled { at_ms } => {
                self.drop_timer(&Timer {
                    at_ms,
                    id: *id,
                    purpose: TimerPurpose::Begin,
                });
            }
            Status::BackingOff { until_ms } => {
                let purpose = TimerPurpose::Retry {
                    attempt: invocation.attempt.number + 1,
                };
                self.drop_timer(&Timer {
                    at_ms: until_ms,
                    id: *id,
                    purpose,
                });
            }
            _ => {}
        }
    }

    fn keep_or_forget(
        &mut self,
        id: &InvocationId,
        invocation: &Invocation,
        outcome: Outcome,
    ) -> Result<(), StateError> {
        let retention = invocation.handler.retention;
        let keep_journal = retention.completion_ms > 0 && retention.journal_ms > 0;
        if !keep_journal {
            self.tables.delete_journal(id, invocation.journal_len);
        }
        if retention.completion_ms == 0 {
            return self.forget_workflow(invocation.handler.kind, &invocation.target);
        }
        let now_ms = self.now_ms();
        let expires_ms = now_ms.saturating_add(retention.completion_ms);
        let completed = Completed {
            target: invocation.target.clone(),
            handler: invocation.handler.clone(),
            created_ns: invocation.created_ns,
            completed_ns: self.now_ns,
            outcome,
            expires_ms,
            journal_len: if keep_journal { invocation.journal_len } else { 0 },
            attempts: invocation.attempt.number,
            idempotency_key: invocation.idempotency_key.clone(),
            start_span: invocation.start_span(id),
            pin: invocation.pin.clone(),
        };
        self.tables.put_completed(id, &completed);
        self.tables.put_expiry(&Expiry {
            at_ms: expires_ms,
            id: *id,
            journal_only: false,
        });
        if keep_journal && retention.journal_ms < retention.completion_ms {
            let at_ms = now_ms.saturating_add(retention.journal_ms);
            self.tables.put_expiry(&Expiry {
                at_ms,
                id: *id,
                journal_only: true,
            });
        }
        Ok(())
    }

    /// Gives up the lock of the key, or the place in its queue.
    fn leave_key(&mut self, id: &InvocationId, invocation: &Invocation) -> Result<(), StateError> {
        if !invocation.handler.kind.takes_lock() {
            return Ok(());
        }
        match invocation.status {
            Status::Queued { place } => {
                self.leave_queue(&invocation.target, place);
                Ok(())
            }
            Status::Scheduled { .. } => Ok(()),
            _ => self.hand_on_lock(&invocation.target, id),
        }
    }
}
