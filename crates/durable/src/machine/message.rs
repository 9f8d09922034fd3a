//! Messages to an invocation of this partition, from invocations here and elsewhere and from clients.

use everspan_protocol::frame::MessageType;
use everspan_protocol::ids::InvocationId;
use everspan_state::{Backend, StateError};

use super::Machine;
use super::journal::{outcome_result, void};
use crate::record::{Failure, Message, Outcome, SignalName, Waiter};

impl<B: Backend> Machine<B> {
    pub(super) fn message(&mut self, message: &Message) -> Result<(), StateError> {
        match message {
            Message::Invoke(submission) => self.submit(submission),
            Message::Complete { waiter, outcome } => self.completed_for(waiter, outcome.as_ref()),
            Message::Signal { id, name, outcome } => self.signal(id, name, outcome.as_ref()),
            Message::Attach { id, waiter } => self.attach(id, *waiter),
            Message::Peek { id, waiter } => self.peek(id, *waiter),
            Message::Cancel(id) => self.cancel(id),
            Message::Kill(id) => self.kill(id),
            Message::Purge(id) => self.purge(id),
        }
    }

    /// A result arrives for an invocation that waits for it; one that has ended needs it no more.
    fn completed_for(&mut self, waiter: &Waiter, outcome: Option<&Outcome>) -> Result<(), StateError> {
        let Some(mut invocation) = self.tables.invocation(&waiter.id)? else {
            return Ok(());
        };
        let ty = MessageType(waiter.notification);
        let result = outcome.map_or_else(void, outcome_result);
        self.complete_entry(&waiter.id, &mut invocation, ty, waiter.completion_id, result)?;
        self.store(&waiter.id, &invocation);
        Ok(())
    }

    fn signal(
        &mut self,
        id: &InvocationId,
        name: &SignalName,
        outcome: Option<&Outcome>,
    ) -> Result<(), StateError> {
        let Some(mut invocation) = self.tables.invocation(id)? else {
            return Ok(());
        };
        self.append_signal(id, &mut invocation, name, outcome)?;
        self.store(id, &invocation);
        Ok(())
    }

    fn attach(&mut self, id: &InvocationId, waiter: Waiter) -> Result<(), StateError> {
        if let Some(mut invocation) = self.tables.invocation(id)? {
            invocation.waiters.push(waiter);
            self.store(id, &invocation);
            return Ok(());
        }
        self.answer_ended(id, waiter)
    }

    fn peek(&mut self, id: &InvocationId, waiter: Waiter) -> Result<(), StateError> {
        if self.tables.invocation(id)?.is_some() {
            return self.send(Message::Complete {
                waiter,
                outcome: None,
            });
        }
        self.answer_ended(id, waiter)
    }

    fn answer_ended(&mut self, id: &InvocationId, waiter: Waiter) -> Result<(), StateError> {
        let outcome = match self.tables.completed(id)? {
            Some(completed) => completed.outcome,
            None => Outcome::Failure(Failure::new(404, "not found")),
        };
        self.send(Message::Complete {
            waiter,
            outcome: Some(outcome),
        })
    }
}
