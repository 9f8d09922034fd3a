//! Orders that wait for a subtask.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::task::Order;

/// See the module. However long the subtask does not look, there are few: at most two per checkpoint under way; those that
/// were given up meanwhile are a range of numbers, or nothing when the subtask has not heard of them.
#[derive(Default)]
pub(crate) struct Mailbox {
    waiting: Mutex<VecDeque<Waiting>>,
    end: AtomicU8,
}

enum Waiting {
    Order(Order),
    /// [`Order::Aborted`] of each of these.
    Aborted(RangeInclusive<u64>),
}

/// How a subtask is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// When it has done what it was ordered.
    Finish,
    /// After its current step.
    Cancel,
}

/// Greater than 0, with which a mailbox begins.
const FINISH: u8 = 1;
const CANCEL: u8 = 2;

impl Mailbox {
    pub(crate) fn put(&self, order: Order) {
        let mut waiting = self.waiting();
        let Order::Aborted(checkpoint) = order else {
            waiting.push_back(Waiting::Order(order));
            return;
        };
        let begins_it = |of: &Waiting| matches!(of, Waiting::Order(Order::Begin(barrier)) if barrier.checkpoint == checkpoint);
        if let Some(place) = waiting.iter().position(begins_it) {
            waiting.remove(place);
        } else if !waiting.iter_mut().any(|of| of.takes_in(checkpoint)) {
            waiting.push_back(Waiting::Aborted(checkpoint..=checkpoint));
        }
    }

    /// The oldest order.
    pub(crate) fn take(&self) -> Option<Order> {
        let mut waiting = self.waiting();
        match waiting.pop_front()? {
            Waiting::Order(order) => Some(order),
            Waiting::Aborted(mut checkpoints) => {
                let first = checkpoints.next().expect("a range of some");
                if !checkpoints.is_empty() {
                    waiting.push_front(Waiting::Aborted(checkpoints));
                }
                Some(Order::Aborted(first))
            }
        }
    }

    /// Whether there is any.
    pub(crate) fn has_orders(&self) -> bool {
        !self.waiting().is_empty()
    }

    /// How the subtask is to end, once it is.
    pub(crate) fn ending(&self) -> Option<Ending> {
        match self.end.load(Ordering::Acquire) {
            FINISH => Some(Ending::Finish),
            CANCEL => Some(Ending::Cancel),
            _ => None,
        }
    }

    /// The subtask is to end so; the harder word counts.
    pub(crate) fn end(&self, how: Ending) {
        let how = match how {
            Ending::Finish => FINISH,
            Ending::Cancel => CANCEL,
        };
        self.end.fetch_max(how, Ordering::AcqRel);
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Whether a checkpoint that was given up lies beside these, which it is one of then.
    fn takes_in(&mut self, checkpoint: u64) -> bool {
        let Self::Aborted(checkpoints) = self else {
            return false;
        };
        let (first, last) = (*checkpoints.start(), *checkpoints.end());
        if checkpoint == last + 1 {
            *checkpoints = first..=checkpoint;
        } else if checkpoint + 1 == first {
            *checkpoints = checkpoint..=last;
        } else {
            return false;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::snapshot::{Barrier, BarrierMode};

    fn begin(checkpoint: u64) -> Order {
        Order::Begin(Barrier {
            checkpoint,
            mode: BarrierMode::Aligned,
            triggered_ns: 0,
            terminates: false,
        })
    }

    #[test]
    fn what_a_subtask_has_not_heard_of_when_it_is_given_up_it_never_hears_of() {
        let mailbox = Mailbox::default();
        mailbox.put(begin(1));
        assert_eq!(mailbox.take(), Some(begin(1)));
        for checkpoint in 2..1000 {
            mailbox.put(begin(checkpoint));
            mailbox.put(Order::Aborted(checkpoint));
        }
        mailbox.put(Order::Aborted(1));
        mailbox.put(begin(1000));
        assert_eq!(mailbox.waiting().len(), 2);
        assert_eq!(mailbox.take(), Some(Order::Aborted(1)));
        assert_eq!(mailbox.take(), Some(begin(1000)));
        assert!(!mailbox.has_orders());
    }

    #[test]
    fn many_that_were_given_up_take_as_much_room_as_one() {
        let mailbox = Mailbox::default();
        mailbox.put(Order::Completed(1));
        (4..=1000)
            .rev()
            .chain([2, 1001])
            .for_each(|checkpoint| mailbox.put(Order::Aborted(checkpoint)));
        assert_eq!(mailbox.waiting().len(), 3);
        let mut orders: Vec<Order> = std::iter::from_fn(|| mailbox.take()).collect();
        assert_eq!(orders.remove(0), Order::Completed(1));
        let each = (4..=1001).chain([2]).map(Order::Aborted);
        assert_eq!(orders, each.collect::<Vec<_>>());
    }
}
