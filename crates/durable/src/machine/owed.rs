//! What the world is owed when a partition comes up, and the exchange of messages with other partitions.

use everspan_protocol::ids::InvocationId;
use everspan_state::{Backend, StateError};

use super::Machine;
use super::spans::AttemptOutcome;
use crate::effect::Effect;
use crate::invocation::{AttemptCause, Status};
use crate::record::Message;

const SCAN: usize = 1024;

impl<B: Backend> Machine<B> {
    /// The server came up. Attempts that were under way died with the server before: each ends as `crashed` and
    /// begins again. Messages not acknowledged are sent again.
    pub(super) fn started(&mut self) -> Result<(), StateError> {
        self.slots.free_all();
        let mut after: Option<InvocationId> = None;
        loop {
            let invocations = self.tables.invocations(after.as_ref(), SCAN)?;
            let Some((last, _)) = invocations.last() else {
                break;
            };
            after = Some(*last);
            for (id, mut invocation) in invocations {
                if invocation.status == Status::Running {
                    self.attempt_span(&id, &invocation, &AttemptOutcome::Crashed)?;
                    self.begin_attempt(&id, &mut invocation, AttemptCause::Restart);
                    self.store(&id, &invocation);
                }
            }
        }
        for (to, seq, message) in self.tables.outbox()? {
            self.emit(Effect::Send { to, seq, message });
        }
        Ok(())
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
