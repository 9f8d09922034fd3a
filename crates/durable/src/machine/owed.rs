//! What the world is owed when a partition comes up, and the exchange of messages with other partitions.

use everspan_protocol::ids::InvocationId;
use everspan_state::{Backend, StateError};

use super::Machine;
use super::spans::AttemptOutcome;
use crate::effect::Effect;
use crate::invocation::Invocation;
use crate::record::Message;

impl<B: Backend> Machine<B> {
    /// The server came up. Attempts that were under way died with the server before: each ends as `crashed` and
    /// begins again. Messages not acknowledged are sent again.
    pub(super) fn started(&mut self, attempts_max: u32) -> Result<(), StateError> {
        for id in self.reset_slots(attempts_max) {
            let mut invocation = self.running_one(&id)?;
            self.attempt_over(&id, &mut invocation, AttemptOutcome::Crashed)?;
            self.begin_again(&id, &mut invocation);
            self.store(&id, &invocation);
        }
        for (to, seq, message) in self.tables.outbox()? {
            self.emit(Effect::Send { to, seq, message });
        }
        Ok(())
    }

    /// The server goes down in order: every attempt ends here and goes on, as another one, when it is back.
    pub(super) fn stopped(&mut self) -> Result<(), StateError> {
        for id in self.reset_slots(0) {
            let mut invocation = self.running_one(&id)?;
            self.attempt_over(&id, &mut invocation, AttemptOutcome::Yielded)?;
            self.yield_slot(&id, &mut invocation);
            self.store(&id, &invocation);
        }
        Ok(())
    }

    fn running_one(&self, id: &InvocationId) -> Result<Invocation, StateError> {
        let invocation = self.tables.invocation(id)?;
        Ok(invocation.expect("whoever has a slot is under way"))
    }

    /// A message of another partition. One we have already is dropped, and so is one that overtook another: its sender
    /// keeps it until it is acknowledged.
    pub(super) fn delivered(&mut self, from: u16, seq: u64, message: &Message) -> Result<(), StateError> {
        if seq != self.tables.last_received(from)? + 1 {
            return Ok(());
        }
        self.tables.put_last_received(from, seq);
        self.message(message)
    }

    /// Another partition has stored our messages up to `seq`.
    pub(super) fn acknowledged(&mut self, by: u16, seq: u64) {
        let Some(first) = self.first_unacknowledged.get_mut(&by) else {
            return;
        };
        for done in *first..=seq {
            self.tables.delete_outbox(by, done);
        }
        *first = (*first).max(seq + 1);
    }
}
