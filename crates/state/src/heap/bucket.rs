//! A small hash map: what is copied when a snapshot holds it and someone writes.

use borsh::BorshSerialize;
use hashbrown::HashTable;

use crate::key_hash::hash_key;

/// Rows, found by a hash that the caller computed.
#[derive(Clone)]
pub(super) struct Bucket<K, V> {
    rows: HashTable<(K, V)>,
}

impl<K, V> Default for Bucket<K, V> {
    fn default() -> Self {
        Self {
            rows: HashTable::new(),
        }
    }
}

impl<K, V> Bucket<K, V> {
    pub(super) fn with_capacity(rows: usize) -> Self {
        Self {
            rows: HashTable::with_capacity(rows),
        }
    }
}

impl<K: BorshSerialize + Eq, V> Bucket<K, V> {
    #[inline]
    pub(super) fn get(&self, hash: u64, key: &K) -> Option<&V> {
        self.rows
            .find(hash, |(known, _)| known == key)
            .map(|(_, value)| value)
    }

    /// The row of the first key that may be the one, by seven bits of its hash: told without a look at the row.
    #[inline]
    pub(super) fn probable_row(&self, hash: u64) -> Option<&(K, V)> {
        let place = self.rows.find_bucket_index(hash, |_| true)?;
        self.rows.get_bucket(place)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, hash: u64, key: &K) -> Option<&mut V> {
        let found = self.rows.find_mut(hash, |(known, _)| known == key);
        found.map(|(_, value)| value)
    }

    /// The value of `key`; a key that is not there is cloned. One look when it is there.
    #[inline]
    pub(super) fn get_or_insert_with(&mut self, hash: u64, key: &K, make: impl FnOnce() -> V) -> &mut V
    where
        K: Clone,
    {
        match self.rows.find_entry(hash, |(known, _)| known == key) {
            Ok(row) => &mut row.into_mut().1,
            Err(absent) => add(absent.into_table(), hash, (key.clone(), make())),
        }
    }

    /// Sets the value of `key`; says whether it is a new one.
    pub(super) fn insert(&mut self, hash: u64, key: K, value: V) -> bool {
        match self.rows.find_entry(hash, |(known, _)| *known == key) {
            Ok(row) => {
                row.into_mut().1 = value;
                false
            }
            Err(absent) => {
                add(absent.into_table(), hash, (key, value));
                true
            }
        }
    }

    pub(super) fn remove(&mut self, hash: u64, key: &K) -> Option<V> {
        let row = self.rows.find_entry(hash, |(known, _)| known == key).ok()?;
        let ((_, value), _) = row.remove();
        Some(value)
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = (&K, &V)> {
        self.rows.iter().map(|(key, value)| (key, value))
    }

    /// Two buckets: rows that stay, and those whose hash `moves`.
    pub(super) fn split(self, moves: impl Fn(u64) -> bool) -> (Self, Self) {
        // Halves that have room for as many again are not moved once more before they are divided.
        let half = || Self::with_capacity(self.rows.len());
        let (mut stays, mut goes) = (half(), half());
        for row in self.rows {
            let hash = hash_key(&row.0);
            let half = if moves(hash) { &mut goes } else { &mut stays };
            half.rows.insert_unique(hash, row, |(key, _)| hash_key(key));
        }
        (stays, goes)
    }
}

/// Kept out of the way of records whose key is there.
#[cold]
fn add<K: BorshSerialize, V>(rows: &mut HashTable<(K, V)>, hash: u64, row: (K, V)) -> &mut V {
    let added = rows.insert_unique(hash, row, |(known, _)| hash_key(known));
    &mut added.into_mut().1
}
