//! Attempt slots: how many conversations run at a time, and who waits for one.
//!
//! Who runs and who waits is part of the state, as the status of each invocation; what stands here is read from it when
//! the partition opens. The number of slots is part of the log, so that a replay gives each slot to the same invocation.

use std::collections::{BTreeMap, BTreeSet};

use everspan_protocol::ids::InvocationId;
use everspan_state::{Backend, StateError};

use super::Machine;
use crate::effect::Effect;
use crate::invocation::{AttemptCause, Invocation, Status};
use crate::tables::Tables;

const SCAN: usize = 1024;

/// The slots of a partition.
#[derive(Default)]
pub(super) struct Slots {
    /// 0 until the server came up, and when it has stopped.
    max: usize,
    running: BTreeSet<InvocationId>,
    /// Those of them whose conversation begins when the record under way is applied.
    starting: Vec<InvocationId>,
    /// By place.
    waiting: BTreeMap<u64, InvocationId>,
}

impl Slots {
    /// Reads who runs and who waits.
    pub(super) fn open<B: Backend>(tables: &Tables<B>) -> Result<Self, StateError> {
        let mut slots = Self {
            max: tables.attempts_max()? as usize,
            ..Self::default()
        };
        let mut after: Option<InvocationId> = None;
        loop {
            let invocations = tables.invocations(after.as_ref(), SCAN)?;
            let Some((last, _)) = invocations.last() else {
                return Ok(slots);
            };
            after = Some(*last);
            for (id, invocation) in &invocations {
                match invocation.status {
                    Status::Running => {
                        slots.running.insert(*id);
                    }
                    Status::Ready { place, .. } => {
                        slots.waiting.insert(place, *id);
                    }
                    _ => {}
                }
            }
        }
    }

    /// Gives back the slot, or the place, of an invocation with this status.
    pub(super) fn release(&mut self, id: &InvocationId, status: &Status) {
        match status {
            Status::Running => {
                self.running.remove(id);
                self.starting.retain(|starting| starting != id);
            }
            Status::Ready { place, .. } => {
                self.waiting.remove(place);
            }
            _ => {}
        }
    }

    /// Whether the conversation of this invocation was started.
    pub(super) fn is_started(&self, id: &InvocationId) -> bool {
        self.running.contains(id) && !self.starting.contains(id)
    }

    fn has_room(&self) -> bool {
        self.running.len() < self.max
    }

    fn take(&mut self, id: &InvocationId) {
        self.running.insert(*id);
        self.starting.push(*id);
    }

    fn queue(&mut self, id: &InvocationId) -> u64 {
        let place = self.waiting.last_key_value().map_or(0, |(place, _)| place + 1);
        self.waiting.insert(place, *id);
        place
    }
}

impl<B: Backend> Machine<B> {
    /// Attempts under way, and invocations that wait for a slot.
    pub fn attempts(&self) -> (usize, usize) {
        (self.slots.running.len(), self.slots.waiting.len())
    }

    /// The next attempt begins if there is a slot and nobody waits for it; else the invocation waits. The caller stores
    /// it.
    pub(super) fn begin_attempt(
        &mut self,
        id: &InvocationId,
        invocation: &mut Invocation,
        cause: AttemptCause,
    ) {
        if self.slots.waiting.is_empty() {
            self.begin_or_wait(id, invocation, cause);
        } else {
            self.wait_for_slot(id, invocation, cause);
        }
    }

    fn begin_or_wait(&mut self, id: &InvocationId, invocation: &mut Invocation, cause: AttemptCause) {
        if self.slots.has_room() {
            self.slots.take(id);
            self.run_attempt(id, invocation, cause);
        } else {
            self.wait_for_slot(id, invocation, cause);
        }
    }

    fn wait_for_slot(&mut self, id: &InvocationId, invocation: &mut Invocation, cause: AttemptCause) {
        let place = self.slots.queue(id);
        invocation.enter(Status::Ready { place, cause }, self.now_ns);
    }

    /// There are so many slots from now on. Returns who ran: none of them has a slot any more.
    pub(super) fn reset_slots(&mut self, max: u32) -> BTreeSet<InvocationId> {
        self.tables.put_attempts_max(max);
        self.slots.max = max as usize;
        self.slots.starting.clear();
        std::mem::take(&mut self.slots.running)
    }

    /// Lost its slot when the server died: it goes before those that wait.
    pub(super) fn begin_again(&mut self, id: &InvocationId, invocation: &mut Invocation) {
        self.begin_or_wait(id, invocation, AttemptCause::Restart);
    }

    /// Gave its slot away because the server stops.
    pub(super) fn yield_slot(&mut self, id: &InvocationId, invocation: &mut Invocation) {
        self.wait_for_slot(id, invocation, AttemptCause::Restart);
    }

    /// Gives free slots to those that wait, then starts the conversations of all that have got one.
    pub(super) fn fill_slots(&mut self) -> Result<(), StateError> {
        while self.slots.has_room()
            && let Some((_, id)) = self.slots.waiting.pop_first()
        {
            let mut invocation = self.waiting_invocation(&id)?;
            let Status::Ready { cause, .. } = invocation.status else {
                panic!("{id} waits for a slot and is {}", invocation.status.name())
            };
            self.slots.take(&id);
            self.run_attempt(&id, &mut invocation, cause);
            self.store(&id, &invocation);
        }
        for id in std::mem::take(&mut self.slots.starting) {
            if !self.replaying {
                let invocation = self.waiting_invocation(&id)?;
                let start = self.start_attempt(&id, &invocation)?;
                self.emit(Effect::StartAttempt(Box::new(start)));
            }
        }
        Ok(())
    }

    fn waiting_invocation(&self, id: &InvocationId) -> Result<Invocation, StateError> {
        let invocation = self.tables.invocation(id)?;
        Ok(invocation.expect("whoever has a slot, or waits for one, is under way"))
    }
}
