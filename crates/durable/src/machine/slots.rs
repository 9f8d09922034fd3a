//! Attempt slots: how many conversations run at a time, and who waits for one.

use std::collections::{BTreeSet, VecDeque};

use everspan_protocol::ids::InvocationId;
use everspan_state::{Backend, StateError};

use super::Machine;
use crate::effect::Effect;
use crate::invocation::Status;

/// The slots of a partition. Not part of its state: at a start every slot is free.
pub(super) struct Slots {
    max: usize,
    started: BTreeSet<InvocationId>,
    waiting: VecDeque<InvocationId>,
}

impl Slots {
    pub(super) fn new(max: usize) -> Self {
        assert!(
            max > 0,
            "a partition without attempt slots would never run anything"
        );
        Self {
            max,
            started: BTreeSet::new(),
            waiting: VecDeque::new(),
        }
    }

    /// No conversation is under way, none waits: the server came up.
    pub(super) fn free_all(&mut self) {
        self.started.clear();
        self.waiting.clear();
    }

    /// Asks for a slot; [`Machine::fill_slots`] gives it.
    pub(super) fn request(&mut self, id: InvocationId) {
        self.waiting.push_back(id);
    }

    /// Gives a slot back; a request not yet granted lapses by itself.
    pub(super) fn release(&mut self, id: &InvocationId) {
        self.started.remove(id);
    }

    /// Whether the conversation of this invocation was started.
    pub(super) fn is_started(&self, id: &InvocationId) -> bool {
        self.started.contains(id)
    }

    pub(super) fn in_use(&self) -> usize {
        self.started.len()
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn grant(&mut self) -> Option<InvocationId> {
        if self.started.len() >= self.max {
            return None;
        }
        self.waiting.pop_front()
    }
}

impl<B: Backend> Machine<B> {
    /// Attempts whose conversation is under way, and attempts that wait for a slot.
    pub fn attempts(&self) -> (usize, usize) {
        (self.slots.in_use(), self.slots.waiting())
    }

    /// Starts waiting attempts as long as there are free slots.
    pub(super) fn fill_slots(&mut self) -> Result<(), StateError> {
        if self.replaying {
            return Ok(());
        }
        while let Some(id) = self.slots.grant() {
            let Some(invocation) = self.tables.invocation(&id)? else {
                continue;
            };
            if invocation.status != Status::Running || self.slots.is_started(&id) {
                continue;
            }
            let start = self.start_attempt(&id, &invocation)?;
            self.slots.started.insert(id);
            self.emit(Effect::StartAttempt(Box::new(start)));
        }
        Ok(())
    }
}
