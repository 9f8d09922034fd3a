//! The lock of an object key: one exclusive handler at a time, the others in the order of their arrival.

use everspan_protocol::ids::InvocationId;
use everspan_state::{Backend, StateError};

use super::Machine;
use crate::invocation::AttemptCause;
use crate::tables::Lock;
use crate::target::Target;

impl<B: Backend> Machine<B> {
    /// Takes the lock (`None`), or the next place in its queue.
    pub(super) fn queue_behind_holder(
        &mut self,
        target: &Target,
        id: &InvocationId,
    ) -> Result<Option<u64>, StateError> {
        let Some(mut lock) = self.tables.lock(target)? else {
            self.tables.put_lock(
                target,
                &Lock {
                    holder: *id,
                    head: 0,
                    tail: 0,
                },
            );
            return Ok(None);
        };
        let place = lock.tail;
        lock.tail += 1;
        self.tables.put_queued(target, place, id);
        self.tables.put_lock(target, &lock);
        Ok(Some(place))
    }

    /// Leaves the queue without having held the lock.
    pub(super) fn leave_queue(&mut self, target: &Target, place: u64) {
        self.tables.delete_queued(target, place);
    }

    /// Hands the lock to the next in the queue, which begins.
    pub(super) fn hand_on_lock(&mut self, target: &Target, holder: &InvocationId) -> Result<(), StateError> {
        let mut lock = self
            .tables
            .lock(target)?
            .expect("an exclusive invocation under way holds its key's lock");
        assert_eq!(
            &lock.holder, holder,
            "the lock of {target} is handed on by its holder"
        );
        while lock.head < lock.tail {
            let place = lock.head;
            lock.head += 1;
            let Some(next) = self.tables.queued(target, place)? else {
                continue;
            };
            self.tables.delete_queued(target, place);
            lock.holder = next;
            self.tables.put_lock(target, &lock);
            let mut invocation = self
                .tables
                .invocation(&next)?
                .expect("whoever waits in a queue is under way");
            self.begin_attempt(&next, &mut invocation, AttemptCause::First);
            self.store(&next, &invocation);
            return Ok(());
        }
        self.tables.delete_lock(target);
        Ok(())
    }
}
