//! Which of the receiving subtasks gets a record.

use std::marker::PhantomData;

use everspan_state::KeyGroup;

use crate::data::Key;
use crate::keyed::hash_of;

/// Chooses among the subtasks behind an exchange.
pub trait Partitioner<T>: Clone + Send + 'static {
    /// Whether each subtask sends to the one of its number only.
    const POINTWISE: bool = false;

    /// Whether the same record always goes to the same subtask, as long as there are as many.
    const BY_CONTENT: bool = false;

    /// The number of the subtask that gets `record`, below `targets`.
    fn target(&mut self, record: &T, targets: usize) -> usize;

    /// Told once which subtask of the sending task this is.
    fn sends_from(&mut self, _subtask: usize) {}
}

/// As [`Partitioner::target`].
type Target<T> = Box<dyn FnMut(&T, usize) -> usize + Send>;

/// A partitioner whose type does not matter.
pub(crate) enum Router<T> {
    /// Where a record goes follows from the record, and from how many subtasks there are.
    ByContent(Target<T>),
    /// Any subtask will do.
    Any,
}

impl<T> Router<T> {
    pub(crate) fn new<P: Partitioner<T>>(mut partitioner: P) -> Self {
        if P::BY_CONTENT {
            Self::ByContent(Box::new(move |record, targets| {
                partitioner.target(record, targets)
            }))
        } else {
            Self::Any
        }
    }
}

/// By the key: all records of a key group go to the subtask that owns it.
pub(crate) struct Hash<K, S> {
    selector: S,
    key_groups: u16,
    key: PhantomData<fn() -> K>,
}

impl<K, S> Hash<K, S> {
    pub(crate) fn new(selector: S, key_groups: u16) -> Self {
        Self {
            selector,
            key_groups,
            key: PhantomData,
        }
    }
}

impl<K, S: Clone> Clone for Hash<K, S> {
    fn clone(&self) -> Self {
        Self::new(self.selector.clone(), self.key_groups)
    }
}

impl<T, K: Key, S: Fn(&T) -> K + Clone + Send + 'static> Partitioner<T> for Hash<K, S> {
    const BY_CONTENT: bool = true;

    #[inline]
    fn target(&mut self, record: &T, targets: usize) -> usize {
        if targets == 1 {
            return 0;
        }
        let hash = hash_of(&(self.selector)(record));
        let owners = u16::try_from(targets).expect("a task has no more subtasks than key groups");
        usize::from(KeyGroup::of_hash(hash, self.key_groups).owner(self.key_groups, owners))
    }
}

/// To the subtask of the same number; both tasks have as many.
#[derive(Clone, Debug, Default)]
pub(crate) struct Forward;

impl<T> Partitioner<T> for Forward {
    const POINTWISE: bool = true;

    fn target(&mut self, _record: &T, _targets: usize) -> usize {
        0
    }
}

/// To each in turn.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rebalance {
    next: usize,
}

impl<T> Partitioner<T> for Rebalance {
    fn target(&mut self, _record: &T, targets: usize) -> usize {
        self.next = if self.next + 1 < targets { self.next + 1 } else { 0 };
        self.next
    }

    fn sends_from(&mut self, subtask: usize) {
        // Subtasks begin at different targets, so that few records do not all meet at the first.
        self.next = subtask;
    }
}

/// All to the first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Global;

impl<T> Partitioner<T> for Global {
    fn target(&mut self, _record: &T, _targets: usize) -> usize {
        0
    }
}
