//! A table as it was at one moment.

use std::sync::Arc;

use borsh::BorshSerialize;

use super::bucket::Bucket;
use super::bucket_index;
use super::changes::Changes;
use crate::key_group::{KeyGroup, KeyGroupRange};
use crate::key_hash::hash_key;

/// The rows of a [`HeapTable`](super::HeapTable) when [`snapshot`](super::HeapTable::snapshot) was called, for another
/// thread to read while the table goes on.
pub struct HeapSnapshot<K, V> {
    range: KeyGroupRange,
    groups: Vec<SharedGroup<K, V>>,
    /// What was written since the one before, by group, if that is known.
    changes: Option<Vec<Changes<K>>>,
    /// Of those that know their changes this is the number so and so, from 1.
    number: u64,
}

/// The rows of one key group.
pub(super) struct SharedGroup<K, V> {
    /// As many, and in the order, as the table had.
    pub(super) buckets: Vec<Arc<Bucket<K, V>>>,
    pub(super) rows: usize,
}

impl<K: BorshSerialize + Eq + Clone, V: Clone> HeapSnapshot<K, V> {
    pub(super) fn new(range: KeyGroupRange, groups: Vec<SharedGroup<K, V>>) -> Self {
        Self {
            range,
            groups,
            changes: None,
            number: 0,
        }
    }

    pub(super) fn with_changes(self, number: u64, changes: Vec<Changes<K>>, known: bool) -> Self {
        Self {
            changes: known.then_some(changes),
            number,
            ..self
        }
    }

    /// The number of this snapshot; 0 if it is one that knows nothing of others.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Whether it knows what was written since the one before.
    pub(super) fn knows_changes(&self) -> bool {
        self.changes.is_some()
    }

    /// The key groups of the table.
    pub fn range(&self) -> KeyGroupRange {
        self.range
    }

    /// How many rows a group has.
    pub fn len(&self, group: KeyGroup) -> usize {
        self.group(group).rows
    }

    /// Whether no group has any.
    pub fn is_empty(&self) -> bool {
        self.groups.iter().all(|group| group.rows == 0)
    }

    /// Every row of a group, in no particular order, but in the same one each time.
    pub fn rows(&self, group: KeyGroup) -> impl Iterator<Item = (&K, &V)> {
        self.group(group).buckets.iter().flat_map(|bucket| bucket.rows())
    }

    /// The value that `key`, which belongs to `group`, had.
    pub fn get(&self, group: KeyGroup, key: &K) -> Option<&V> {
        let hash = hash_key(key);
        let buckets = &self.group(group).buckets;
        buckets[bucket_index(hash, buckets.len())].get(hash, key)
    }

    /// Every row of a group that may have been put or changed since the snapshot before.
    pub(super) fn changed_rows(&self, group: KeyGroup) -> impl Iterator<Item = (&K, &V)> {
        let changes = self.changes_of(group);
        let buckets = self.group(group).buckets.iter().enumerate();
        let changed = buckets.filter(|(index, _)| changes.has_any(*index));
        changed.flat_map(move |(index, bucket)| {
            let rows = bucket.rows();
            rows.filter(move |(key, _)| changes.has(index, hash_key(*key)))
        })
    }

    /// The keys of a group that were there since the snapshot before and are not any more.
    pub(super) fn removed_keys(&self, group: KeyGroup) -> impl Iterator<Item = &K> {
        let removed = self.changes_of(group).removed().iter();
        removed.filter(move |key| self.get(group, key).is_none())
    }

    /// Lets the rows of a group go: whoever writes to them need not copy them any more.
    pub(super) fn release(&mut self, group: KeyGroup) {
        let place = self.place(group);
        self.groups[place].buckets = Vec::new();
    }

    fn changes_of(&self, group: KeyGroup) -> &Changes<K> {
        let changes = self.changes.as_ref();
        &changes.expect("whoever asks knows that they are known")[self.place(group)]
    }

    fn group(&self, group: KeyGroup) -> &SharedGroup<K, V> {
        &self.groups[self.place(group)]
    }

    fn place(&self, group: KeyGroup) -> usize {
        assert!(
            self.range.contains(group),
            "key group {} is not in this snapshot",
            group.0
        );
        usize::from(group.0 - self.range.first().0)
    }
}
