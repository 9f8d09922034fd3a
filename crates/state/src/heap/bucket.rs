//! A small hash map: what is copied when a snapshot holds it and someone writes.

use std::hash::{BuildHasher, Hash};

use hashbrown::HashTable;

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

impl<K: Hash + Eq, V> Bucket<K, V> {
    pub(super) fn get(&self, hash: u64, key: &K) -> Option<&V> {
        self.rows
            .find(hash, |(known, _)| known == key)
            .map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, hash: u64, key: &K) -> Option<&mut V> {
        let found = self.rows.find_mut(hash, |(known, _)| known == key);
        found.map(|(_, value)| value)
    }

    pub(super) fn get_or_insert_with(
        &mut self,
        hash: u64,
        key: K,
        hasher: &impl BuildHasher,
        make: impl FnOnce() -> V,
    ) -> &mut V {
        let entry = self.rows.entry(
            hash,
            |(known, _)| *known == key,
            |(known, _)| hasher.hash_one(known),
        );
        let row = match entry {
            hashbrown::hash_table::Entry::Occupied(row) => row.into_mut(),
            hashbrown::hash_table::Entry::Vacant(place) => place.insert((key, make())).into_mut(),
        };
        &mut row.1
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
    pub(super) fn split(self, hasher: &impl BuildHasher, moves: impl Fn(u64) -> bool) -> (Self, Self) {
        let (mut stays, mut goes) = (Self::default(), Self::default());
        for row in self.rows {
            let hash = hasher.hash_one(&row.0);
            let half = if moves(hash) { &mut goes } else { &mut stays };
            half.rows
                .insert_unique(hash, row, |(key, _)| hasher.hash_one(key));
        }
        (stays, goes)
    }
}
