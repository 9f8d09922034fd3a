//! A table as it was at one moment.

use std::sync::Arc;

use borsh::BorshSerialize;

use super::bucket::Bucket;
use super::bucket_index;
use crate::key_group::{KeyGroup, KeyGroupRange};
use crate::key_hash::hash_key;

/// The rows of a [`HeapTable`](super::HeapTable) when [`snapshot`](super::HeapTable::snapshot) was called, for another
/// thread to read while the table goes on.
pub struct HeapSnapshot<K, V> {
    range: KeyGroupRange,
    groups: Vec<SharedGroup<K, V>>,
}

/// The rows of one key group.
pub(super) struct SharedGroup<K, V> {
    /// As many, and in the order, as the table had.
    pub(super) buckets: Vec<Arc<Bucket<K, V>>>,
    pub(super) rows: usize,
}

impl<K: BorshSerialize + Eq + Clone, V: Clone> HeapSnapshot<K, V> {
    pub(super) fn new(range: KeyGroupRange, groups: Vec<SharedGroup<K, V>>) -> Self {
        Self { range, groups }
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

    /// Rows of a group in buckets that are not the very ones of `other`, a snapshot of the same table: among them every
    /// row that is not in `other` as it is here.
    pub(super) fn rows_not_in<'a>(
        &'a self,
        group: KeyGroup,
        other: &'a Self,
    ) -> impl Iterator<Item = (&'a K, &'a V)> {
        let (ours, theirs) = (&self.group(group).buckets, &other.group(group).buckets);
        let is_same =
            move |index: usize| ours.len() == theirs.len() && Arc::ptr_eq(&ours[index], &theirs[index]);
        let changed = ours.iter().enumerate().filter(move |(index, _)| !is_same(*index));
        changed.flat_map(|(_, bucket)| bucket.rows())
    }

    /// Whether a group is untouched since `earlier` was taken from the same table: then what was written of it then
    /// is still good.
    pub fn is_unchanged(&self, group: KeyGroup, earlier: &Self) -> bool {
        if !earlier.range.contains(group) {
            return false;
        }
        let (now, before) = (&self.group(group).buckets, &earlier.group(group).buckets);
        now.len() == before.len()
            && now
                .iter()
                .zip(before)
                .all(|(now, before)| Arc::ptr_eq(now, before))
    }

    fn group(&self, group: KeyGroup) -> &SharedGroup<K, V> {
        assert!(
            self.range.contains(group),
            "key group {} is not in this snapshot",
            group.0
        );
        &self.groups[usize::from(group.0 - self.range.first().0)]
    }
}
