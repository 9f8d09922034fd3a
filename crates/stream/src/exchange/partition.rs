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

    /// The same, with the hash of the record's key if that was worked out for it: the receiver goes on with it.
    #[inline]
    fn target_and_hash(&mut self, record: &T, targets: usize) -> (usize, Option<u64>) {
        (self.target(record, targets), None)
    }

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
    owners: Owners,
    key: PhantomData<fn() -> K>,
}

/// Which subtask has each key group, for as many subtasks as were asked for last.
#[derive(Default)]
struct Owners {
    of_group: Vec<u16>,
    subtasks: usize,
}

impl Owners {
    #[inline]
    fn get(&mut self, group: KeyGroup, key_groups: u16, subtasks: usize) -> usize {
        if self.subtasks != subtasks {
            self.divide(key_groups, subtasks);
        }
        usize::from(self.of_group[usize::from(group.0)])
    }

    #[cold]
    fn divide(&mut self, key_groups: u16, subtasks: usize) {
        let owners = u16::try_from(subtasks).expect("a task has no more subtasks than key groups");
        let groups = (0..key_groups).map(KeyGroup);
        self.of_group = groups.map(|group| group.owner(key_groups, owners)).collect();
        self.subtasks = subtasks;
    }
}

impl<K, S> Hash<K, S> {
    pub(crate) fn new(selector: S, key_groups: u16) -> Self {
        Self {
            selector,
            key_groups,
            owners: Owners::default(),
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

    fn target(&mut self, record: &T, targets: usize) -> usize {
        self.target_and_hash(record, targets).0
    }

    #[inline(always)]
    fn target_and_hash(&mut self, record: &T, targets: usize) -> (usize, Option<u64>) {
        if targets == 1 {
            return (0, None);
        }
        let hash = hash_of(&(self.selector)(record));
        let group = KeyGroup::of_hash(hash, self.key_groups);
        (self.owners.get(group, self.key_groups, targets), Some(hash))
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
