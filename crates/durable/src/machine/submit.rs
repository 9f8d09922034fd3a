//! A request for an invocation arrives: known already? later? key taken? else it begins.

use std::collections::BTreeMap;

use everspan_protocol::frame::MessageType;
use everspan_protocol::ids::InvocationId;
use everspan_protocol::message::{Header, InputCommand, Value};
use everspan_state::{Backend, StateError};
use prost::Message as _;

use super::Machine;
use super::spans::Met;
use crate::effect::Effect;
use crate::invocation::{AttemptCause, AttemptState, Completed, Invocation, Status, TimeSpent};
use crate::record::{Failure, Message, Outcome, SignalName, Source, Submission, Timer, TimerPurpose, Waiter};
use crate::target::HandlerKind;

impl<B: Backend> Machine<B> {
    pub(super) fn submit(&mut self, submission: &Submission) -> Result<(), StateError> {
        let id = submission.id;
        if let Some(invocation) = self.tables.invocation(&id)? {
            return self.submit_again(submission, invocation);
        }
        if let Some(completed) = self.tables.completed(&id)? {
            return self.submit_after_end(submission, &completed);
        }
        self.submit_new(submission)
    }

    fn submit_new(&mut self, submission: &Submission) -> Result<(), StateError> {
        let id = submission.id;
        let mut invocation = new_invocation(submission, self.now_ns());
        invocation.kept = self.keep_request(submission);
        if let Source::Call(waiter) = &submission.source {
            invocation.waiters.push(*waiter);
        }
        self.append_entry(
            &id,
            &mut invocation,
            MessageType::INPUT_COMMAND,
            input_command(submission),
        );
        self.request_over(submission, &Met::Nobody);
        self.accepted(submission, false);
        match submission.execute_at_ms.filter(|&at_ms| at_ms > self.now_ms()) {
            Some(at_ms) => {
                invocation.enter(Status::Scheduled { at_ms }, self.now_ns);
                self.set_timer(Timer {
                    at_ms,
                    id,
                    purpose: TimerPurpose::Begin,
                });
                self.store(&id, &invocation);
                Ok(())
            }
            None => self.begin(id, invocation),
        }
    }

    /// The id is known and under way: the new request becomes one more that waits.
    fn submit_again(
        &mut self,
        submission: &Submission,
        mut invocation: Invocation,
    ) -> Result<(), StateError> {
        let first = invocation.start_span(&submission.id);
        self.request_over(submission, &Met::UnderWay(first));
        self.accepted(submission, true);
        match &submission.source {
            Source::Call(waiter) if submission.handler.kind == HandlerKind::Workflow => {
                self.send(already_invoked(*waiter))
            }
            Source::Call(waiter) => {
                invocation.waiters.push(*waiter);
                self.store(&submission.id, &invocation);
                Ok(())
            }
            Source::Ingress(_) | Source::Send(_) => Ok(()),
        }
    }

    /// The id is known and has ended: the stored result is the answer.
    fn submit_after_end(&mut self, submission: &Submission, completed: &Completed) -> Result<(), StateError> {
        self.request_over(submission, &Met::Ended(completed));
        self.accepted(submission, true);
        match &submission.source {
            Source::Call(waiter) if submission.handler.kind == HandlerKind::Workflow => {
                self.send(already_invoked(*waiter))
            }
            Source::Call(waiter) => self.send(Message::Complete {
                waiter: *waiter,
                outcome: Some(completed.outcome.clone()),
            }),
            Source::Ingress(request) if !request.one_way => {
                self.emit(Effect::Completed {
                    id: submission.id,
                    outcome: completed.outcome.clone(),
                    expires_ms: Some(completed.expires_ms),
                });
                Ok(())
            }
            Source::Ingress(_) | Source::Send(_) => Ok(()),
        }
    }

    fn accepted(&mut self, submission: &Submission, known: bool) {
        if matches!(submission.source, Source::Ingress(_)) {
            let execute_at_ms = submission.execute_at_ms;
            self.emit(Effect::Accepted {
                id: submission.id,
                known,
                execute_at_ms,
            });
        }
    }

    /// Begins an invocation whose time has come: at once, or behind the holder of its key's lock.
    pub(super) fn begin(&mut self, id: InvocationId, mut invocation: Invocation) -> Result<(), StateError> {
        if invocation.handler.kind.takes_lock()
            && let Some(place) = self.queue_behind_holder(&invocation.target, &id)?
        {
            invocation.enter(Status::Queued { place }, self.now_ns);
            self.store(&id, &invocation);
            return Ok(());
        }
        self.begin_attempt(&id, &mut invocation, AttemptCause::First);
        self.store(&id, &invocation);
        Ok(())
    }
}

fn already_invoked(waiter: Waiter) -> Message {
    let failure = Failure::new(409, "the workflow method was already invoked");
    Message::Complete {
        waiter,
        outcome: Some(Outcome::Failure(failure)),
    }
}

fn new_invocation(submission: &Submission, now_ns: u64) -> Invocation {
    Invocation {
        target: submission.target.clone(),
        handler: submission.handler.clone(),
        created_ns: now_ns,
        status: Status::Running,
        time: TimeSpent {
            counted_to_ns: now_ns,
            ..TimeSpent::default()
        },
        journal_len: 0,
        last_entry_ns: now_ns,
        notifications: 0,
        waiters: Vec::new(),
        idempotency_key: submission.idempotency_key.clone(),
        trace: submission.trace.clone(),
        pin: None,
        attempt: AttemptState::default(),
        failures: 0,
        last_error: None,
        output: None,
        sleeps: BTreeMap::new(),
        kept: None,
    }
}

fn input_command(submission: &Submission) -> bytes::Bytes {
    let header = |(key, value): &(String, String)| Header {
        key: key.clone(),
        value: value.clone(),
    };
    let command = InputCommand {
        headers: submission.headers.iter().map(header).collect(),
        value: Some(Value {
            content: submission.argument.clone(),
        }),
        ..InputCommand::default()
    };
    command.encode_to_vec().into()
}

/// The signal that asks an invocation to end.
pub(super) const CANCEL: SignalName = SignalName::Index(1);
