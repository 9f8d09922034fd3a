//! Keyed state in memory, typed: no serialization on access, and a snapshot that costs next to nothing.
//!
//! A table is divided by key group, a group into small hash maps ("buckets"). A snapshot puts every bucket behind a
//! reference count and takes a reference; whoever writes into a bucket that a snapshot still holds copies it first.
//!
//! ```text
//!  HeapTable ── group 0 ──► [bucket][bucket]          HeapSnapshot: the same buckets, read by another thread
//!             ├ group 1 ──► [bucket][bucket][…]
//! ```
//!
//! A table knows neither a file nor a codec: [`HeapCheckpoints`] writes snapshots, [`HeapReader`] reads them back.

mod bucket;
mod changes;
mod checkpoints;
mod error;
mod file;
mod reader;
mod slot;
mod snapshot;

use borsh::BorshSerialize;

use crate::key_group::{KeyGroup, KeyGroupRange};
pub use crate::key_hash::hash_key;
use bucket::Bucket;
use changes::Changes;
pub use checkpoints::{HeapCheckpoints, HeapSnapshots};
pub use error::HeapError;
pub use reader::HeapReader;
use slot::Slot;
pub use snapshot::HeapSnapshot;
use snapshot::SharedGroup;

/// A group with more rows per bucket than this doubles its buckets.
const BUCKET_ROWS_MAX: usize = 192;

/// A group of which more rows than it has, and than this, are removed between two snapshots is written as a whole.
const REMOVED_MAX: usize = 1024;

/// The rows of one key group.
struct Group<K, V> {
    /// A power of two of them; a row is in the one that the upper bits of its hash say.
    slots: Vec<Slot<K, V>>,
    rows: usize,
    changes: Changes<K>,
}

/// Typed keyed state of one owner: a map from keys to values for each of its key groups.
///
/// `K` and `V` are cloned when a bucket is copied: large values belong behind an `Arc` or `Bytes`.
pub struct HeapTable<K, V> {
    range: KeyGroupRange,
    groups: Vec<Group<K, V>>,
    /// How many snapshots were taken of which each knows the changes since the one before.
    snapshots: u64,
    /// Whether all changes since the last of them are known.
    knows_changes: bool,
}

impl<K: BorshSerialize + Eq + Clone, V: Clone> HeapTable<K, V> {
    /// An empty table for the key groups of `range`.
    pub fn new(range: KeyGroupRange) -> Self {
        let empty = || Group {
            slots: vec![Slot::default()],
            rows: 0,
            changes: Changes::default(),
        };
        Self {
            range,
            groups: range.iter().map(|_| empty()).collect(),
            snapshots: 0,
            knows_changes: false,
        }
    }

    /// The key groups of the table.
    pub fn range(&self) -> KeyGroupRange {
        self.range
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.groups.iter().map(|group| group.rows).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.groups.iter().all(|group| group.rows == 0)
    }

    /// The value of `key`, which belongs to `group`.
    pub fn get(&self, group: KeyGroup, key: &K) -> Option<&V> {
        self.get_hashed(group, hash_key(key), key)
    }

    /// As [`get`](Self::get), by someone who has the key's [`hash`](hash_key) already.
    #[inline]
    pub fn get_hashed(&self, group: KeyGroup, hash: u64, key: &K) -> Option<&V> {
        self.groups[self.place(group)].slot(hash).read().get(hash, key)
    }

    /// The row that a key of this [`hash`](hash_key) probably has. The row itself is not looked at, so whoever has many keys
    /// can let the processor fetch all their rows at once: first this for each, then a look at each.
    #[inline]
    pub fn probable_row_hashed(&self, group: KeyGroup, hash: u64) -> Option<&(K, V)> {
        self.groups[self.place(group)]
            .slot(hash)
            .read()
            .probable_row(hash)
    }

    /// The value of `key` for writing.
    pub fn get_mut(&mut self, group: KeyGroup, key: &K) -> Option<&mut V> {
        self.get_mut_hashed(group, hash_key(key), key)
    }

    /// As [`get_mut`](Self::get_mut), by someone who has the key's [`hash`](hash_key) already.
    #[inline]
    pub fn get_mut_hashed(&mut self, group: KeyGroup, hash: u64, key: &K) -> Option<&mut V> {
        let place = self.place(group);
        let Group { slots, changes, .. } = &mut self.groups[place];
        let index = bucket_index(hash, slots.len());
        let slot = &mut slots[index];
        if let Slot::Shared(bucket) = slot {
            // A bucket that lacks the key is not copied.
            bucket.get(hash, key)?;
        }
        let value = slot.write().get_mut(hash, key)?;
        changes.mark(index, hash);
        Some(value)
    }

    /// The value of `key` for writing, made by `make` when there is none; only then the key is cloned.
    pub fn get_or_insert_with(&mut self, group: KeyGroup, key: &K, make: impl FnOnce() -> V) -> &mut V {
        self.get_or_insert_hashed(group, hash_key(key), key, make)
    }

    /// As [`get_or_insert_with`](Self::get_or_insert_with), by someone who has the key's [`hash`](hash_key) already.
    #[inline]
    pub fn get_or_insert_hashed(
        &mut self,
        group: KeyGroup,
        hash: u64,
        key: &K,
        make: impl FnOnce() -> V,
    ) -> &mut V {
        let place = self.place(group);
        let Group { slots, rows, changes } = self.groups[place].with_room();
        let index = bucket_index(hash, slots.len());
        changes.mark(index, hash);
        slots[index].write().get_or_insert_with(hash, key, || {
            *rows += 1;
            make()
        })
    }

    /// Sets the value of `key`.
    pub fn insert(&mut self, group: KeyGroup, key: K, value: V) {
        let place = self.place(group);
        let hash = hash_key(&key);
        let Group { slots, rows, changes } = self.groups[place].with_room();
        let index = bucket_index(hash, slots.len());
        changes.mark(index, hash);
        *rows += usize::from(slots[index].write().insert(hash, key, value));
    }

    /// Sets the value of `key`, which has this [`hash`](hash_key); a key that is not there is cloned.
    #[inline]
    pub fn set_hashed(&mut self, group: KeyGroup, hash: u64, key: &K, value: V) {
        let mut new = Some(value);
        let place = self.get_or_insert_hashed(group, hash, key, || new.take().expect("made once"));
        if let Some(value) = new {
            *place = value;
        }
    }

    /// Makes room for so many rows of a group in all.
    fn reserve(&mut self, group: KeyGroup, rows: usize) {
        let place = self.place(group);
        let group = &mut self.groups[place];
        while rows > BUCKET_ROWS_MAX * group.slots.len() {
            group.grow();
        }
        if group.rows == 0 {
            let each = rows / group.slots.len() * 9 / 8;
            let empty = || Slot::Own(Bucket::with_capacity(each));
            group.slots = (0..group.slots.len()).map(|_| empty()).collect();
        }
    }

    /// Takes up the rows of the key groups behind ours.
    fn append(&mut self, mut behind: Self) {
        let (last, next) = (self.range.last(), behind.range.first());
        assert!(last.0 + 1 == next.0, "group {} follows {}", next.0, last.0);
        self.range = KeyGroupRange::new(self.range.first(), behind.range.last());
        self.groups.append(&mut behind.groups);
    }

    /// Removes `key`; returns its value.
    pub fn remove(&mut self, group: KeyGroup, key: &K) -> Option<V> {
        self.remove_hashed(group, hash_key(key), key)
    }

    /// As [`remove`](Self::remove), by someone who has the key's [`hash`](hash_key) already.
    pub fn remove_hashed(&mut self, group: KeyGroup, hash: u64, key: &K) -> Option<V> {
        let place = self.place(group);
        let Group { slots, rows, changes } = &mut self.groups[place];
        let index = bucket_index(hash, slots.len());
        let slot = &mut slots[index];
        // A bucket that lacks the key is not copied.
        slot.read().get(hash, key)?;
        let removed_max = REMOVED_MAX.max(*rows);
        self.knows_changes &= changes.remove(|| key.clone(), removed_max);
        let removed = slot.write().remove(hash, key);
        *rows -= usize::from(removed.is_some());
        removed
    }

    /// Every row of a group, in no particular order.
    pub fn rows(&self, group: KeyGroup) -> impl Iterator<Item = (&K, &V)> {
        self.groups[self.place(group)]
            .slots
            .iter()
            .flat_map(|slot| slot.read().rows())
    }

    /// The table as it is now; costs one reference per bucket.
    pub fn snapshot(&mut self) -> HeapSnapshot<K, V> {
        let groups = self.groups.iter_mut().map(Group::share);
        HeapSnapshot::new(self.range, groups.collect())
    }

    /// As [`snapshot`](Self::snapshot); from the second on it knows what was written since the one before. From now on
    /// writes are noted: a bit for each.
    fn snapshot_of_changes(&mut self) -> HeapSnapshot<K, V> {
        let snapshot = self.snapshot();
        let known = std::mem::replace(&mut self.knows_changes, true);
        self.snapshots += 1;
        let changes = self.groups.iter_mut().map(|group| {
            let none = Changes::of(group.slots.len());
            std::mem::replace(&mut group.changes, none)
        });
        snapshot.with_changes(self.snapshots, changes.collect::<Vec<_>>(), known)
    }

    fn place(&self, group: KeyGroup) -> usize {
        assert!(
            self.range.contains(group),
            "key group {} belongs to another owner",
            group.0
        );
        usize::from(group.0 - self.range.first().0)
    }
}

impl<K: BorshSerialize + Eq + Clone, V: Clone> Group<K, V> {
    #[inline]
    fn slot(&self, hash: u64) -> &Slot<K, V> {
        &self.slots[bucket_index(hash, self.slots.len())]
    }

    fn share(&mut self) -> SharedGroup<K, V> {
        SharedGroup {
            buckets: self.slots.iter_mut().map(Slot::share).collect(),
            rows: self.rows,
        }
    }

    /// The group, with more buckets if those it has are full.
    #[inline]
    fn with_room(&mut self) -> &mut Self {
        if self.rows >= BUCKET_ROWS_MAX * self.slots.len() {
            self.grow();
        }
        self
    }

    /// Doubles the buckets: the rows of bucket `i` of `n` go to `i` and `i + n`.
    #[cold]
    fn grow(&mut self) {
        let old = std::mem::take(&mut self.slots);
        let bit = old.len();
        let (mut lower, mut upper) = (Vec::with_capacity(2 * bit), Vec::with_capacity(bit));
        for slot in old {
            let moves = |hash| bucket_index(hash, 2 * bit) >= bit;
            let (stays, goes) = slot.into_bucket().split(moves);
            lower.push(Slot::Own(stays));
            upper.push(Slot::Own(goes));
        }
        lower.append(&mut upper);
        self.slots = lower;
        self.changes.double();
    }
}

/// Which of `buckets`, a power of two. The bits are from the middle of the hash: a bucket's own map uses both ends.
fn bucket_index(hash: u64, buckets: usize) -> usize {
    (hash >> 24) as usize & (buckets - 1)
}

#[cfg(test)]
mod tests;
