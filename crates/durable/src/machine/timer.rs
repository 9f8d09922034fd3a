//! A timer is due.

use everspan_protocol::frame::MessageType;
use everspan_state::{Backend, StateError};

use super::Machine;
use super::journal::void;
use crate::invocation::{AttemptCause, Status};
use crate::record::{Timer, TimerPurpose};

impl<B: Backend> Machine<B> {
    pub(super) fn timer_fired(&mut self, timer: &Timer) -> Result<(), StateError> {
        if !self.timers.contains(timer) {
            return Ok(());
        }
        self.drop_timer(timer);
        let Some(mut invocation) = self.tables.invocation(&timer.id)? else {
            return Ok(());
        };
        match timer.purpose {
            TimerPurpose::Begin => return self.begin(timer.id, invocation),
            TimerPurpose::Retry { attempt } => {
                let next = invocation.attempt.number + 1;
                if matches!(invocation.status, Status::BackingOff { .. }) && attempt == next {
                    self.begin_attempt(&timer.id, &mut invocation, AttemptCause::Retry);
                }
            }
            TimerPurpose::Sleep { completion_id } => {
                invocation.sleeps.remove(&completion_id);
                let ty = MessageType::SLEEP_NOTIFICATION;
                self.complete_entry(&timer.id, &mut invocation, ty, completion_id, void())?;
            }
        }
        self.store(&timer.id, &invocation);
        Ok(())
    }
}
