//! What an attempt said is stored entry by entry; then its end, if it came, decides how the invocation goes on.

use everspan_protocol::frame::MessageType;
use everspan_protocol::ids::InvocationId;
use everspan_state::{Backend, StateError};

use super::Machine;
use super::spans::AttemptOutcome;
use super::submit::CANCEL;
use crate::entry::{self, EntryError};
use crate::invocation::{AttemptCause, Invocation, Status};
use crate::policy::{RetryPolicy, Verdict};
use crate::record::{
    AttemptEnd, AttemptError, Awaiting, Failed, Failure, Outcome, Progress, Timer, TimerPurpose,
};

impl<B: Backend> Machine<B> {
    pub(super) fn progress(&mut self, progress: &Progress) -> Result<(), StateError> {
        let id = progress.id;
        let Some(mut invocation) = self.tables.invocation(&id)? else {
            return Ok(());
        };
        if invocation.status != Status::Running || invocation.attempt.number != progress.attempt {
            return Ok(());
        }
        if invocation.pin.is_none() {
            invocation.pin.clone_from(&progress.pin);
        }
        for frame in &progress.frames {
            match entry::store(self, &id, &mut invocation, frame) {
                Ok(()) => {}
                Err(EntryError::State(error)) => return Err(error),
                Err(EntryError::Refused(error)) => {
                    self.abort(&id, invocation.attempt.number);
                    let failed = Failed {
                        error,
                        policy: policy_of(&invocation),
                        retry_after_ms: None,
                    };
                    return self.attempt_failed(id, invocation, failed);
                }
            }
        }
        match &progress.end {
            None => {
                self.store(&id, &invocation);
                Ok(())
            }
            Some(AttemptEnd::Ended) => self.attempt_ended(id, invocation),
            Some(AttemptEnd::Suspended(awaiting)) => self.attempt_suspended(id, invocation, awaiting),
            Some(AttemptEnd::Failed(failed)) => self.attempt_failed(id, invocation, failed.clone()),
        }
    }

    fn attempt_ended(&mut self, id: InvocationId, mut invocation: Invocation) -> Result<(), StateError> {
        match invocation.output.take() {
            // Perhaps of an earlier attempt: it is in the journal, and an SDK does not send again what it was sent.
            Some(outcome) => {
                let ended = self.completion(&id, &outcome)?;
                self.attempt_over(&id, &mut invocation, ended)?;
                self.complete(id, invocation, outcome)
            }
            None => {
                let message = format!(
                    "the service sent {} without a result before it",
                    name_of(MessageType::END)
                );
                let failed = Failed {
                    error: AttemptError {
                        code: 571,
                        message,
                        stacktrace: String::new(),
                    },
                    policy: policy_of(&invocation),
                    retry_after_ms: None,
                };
                self.attempt_failed(id, invocation, failed)
            }
        }
    }

    /// An SDK answers a cancellation with the failure 409; a handler that did something else about it has completed.
    fn completion(&self, id: &InvocationId, outcome: &Outcome) -> Result<AttemptOutcome, StateError> {
        let is_cancelled = matches!(outcome, Outcome::Failure(failure) if failure.code == 409)
            && self.tables.signal(id, &CANCEL)?.is_some();
        Ok(if is_cancelled {
            AttemptOutcome::Cancelled
        } else {
            AttemptOutcome::Completed
        })
    }

    fn attempt_suspended(
        &mut self,
        id: InvocationId,
        mut invocation: Invocation,
        awaiting: &Awaiting,
    ) -> Result<(), StateError> {
        let awaits = self.awaits_in_words(&id, &invocation, awaiting)?;
        self.slots.release(&id, &invocation.status);
        self.attempt_over(&id, &mut invocation, AttemptOutcome::Suspended { awaits })?;
        if self.has_any(&id, &invocation, awaiting)? {
            self.begin_attempt(&id, &mut invocation, AttemptCause::Resume);
        } else {
            invocation.enter(Status::Suspended(awaiting.clone()), self.now_ns);
        }
        self.store(&id, &invocation);
        Ok(())
    }

    fn attempt_failed(
        &mut self,
        id: InvocationId,
        mut invocation: Invocation,
        failed: Failed,
    ) -> Result<(), StateError> {
        self.slots.release(&id, &invocation.status);
        invocation.failures += 1;
        let verdict = failed.policy.after_failure(invocation.failures, &id);
        let verdict = match (verdict, failed.retry_after_ms) {
            (Verdict::RetryAfter(_), Some(asked_ms)) => Verdict::RetryAfter(asked_ms),
            (verdict, _) => verdict,
        };
        match verdict {
            Verdict::RetryAfter(delay_ms) => {
                let until_ms = self.now_ms().saturating_add(delay_ms);
                let outcome = AttemptOutcome::Failed {
                    error: failed.error.clone(),
                    next_at_ms: until_ms,
                    failures: invocation.failures,
                };
                self.attempt_over(&id, &mut invocation, outcome)?;
                invocation.last_error = Some(failed.error);
                invocation.enter(Status::BackingOff { until_ms }, self.now_ns);
                let attempt = invocation.attempt.number + 1;
                self.set_timer(Timer {
                    at_ms: until_ms,
                    id,
                    purpose: TimerPurpose::Retry { attempt },
                });
                self.store(&id, &invocation);
                Ok(())
            }
            Verdict::Pause => {
                let (error, failures) = (failed.error.clone(), invocation.failures);
                self.attempt_over(&id, &mut invocation, AttemptOutcome::Paused { error, failures })?;
                invocation.last_error = Some(failed.error);
                invocation.enter(Status::Paused, self.now_ns);
                self.store(&id, &invocation);
                Ok(())
            }
            Verdict::Kill => {
                let error = failed.error.clone();
                self.attempt_over(&id, &mut invocation, AttemptOutcome::Exhausted { error })?;
                let failure = Failure::new(failed.error.code, failed.error.message.clone());
                self.complete(id, invocation, Outcome::Failure(failure))
            }
        }
    }
}

/// The policy of the deployment that serves it.
fn policy_of(invocation: &Invocation) -> RetryPolicy {
    invocation
        .pin
        .as_ref()
        .map(|pin| pin.policy.clone())
        .unwrap_or_default()
}

fn name_of(ty: MessageType) -> &'static str {
    ty.name().unwrap_or("a message")
}
