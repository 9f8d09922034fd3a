//! A map for each key, whose entries are rows of their own.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::marker::PhantomData;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::map_key::{MapKey, encode_owner};
use super::place::{TableKey, TableValue};
use super::{LsmTable, LsmWriteOut, RowsInMemory};
use crate::StateError;
use crate::codec::Codec;
use crate::heap::hash_key;
use crate::key_group::KeyGroup;

/// Maps of any size: an entry is read and written without the others. Made by
/// [`LsmTables::map`](super::LsmTables::map).
///
/// All entries of a map are those on disk and those changed since: the changed ones are noted until they are on disk.
pub struct LsmMap<K, UK, UV> {
    rows: LsmTable<MapKey<K>, UV>,
    /// The newest in the back.
    changed: VecDeque<ChangedEntries<K>>,
    entry: PhantomData<fn() -> UK>,
}

/// Entries that were changed between two write-outs.
struct ChangedEntries<K> {
    /// The write-out that has them.
    epoch: u32,
    of_keys: HashMap<K, BTreeSet<Arc<[u8]>>, FixedState>,
}

impl<K: TableKey, UK: Codec, UV: TableValue> LsmMap<K, UK, UV> {
    pub(super) fn over(rows: LsmTable<MapKey<K>, UV>) -> Self {
        Self {
            rows,
            changed: VecDeque::new(),
            entry: PhantomData,
        }
    }

    /// The value of an entry of the map of `key`.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or is of another type.
    pub fn get(&mut self, group: KeyGroup, key: &K, entry: &UK) -> Result<Option<&UV>, StateError> {
        let of = map_key(key, entry);
        self.rows.get(group, hash_key(&of), &of)
    }

    /// Sets the value of an entry of the map of `key`.
    pub fn put(&mut self, group: KeyGroup, key: &K, entry: &UK, value: UV) {
        let of = map_key(key, entry);
        if self.rows.put(group, hash_key(&of), &of, value) {
            self.note(of);
        }
    }

    /// Removes an entry of the map of `key`, present or not.
    pub fn delete(&mut self, group: KeyGroup, key: &K, entry: &UK) {
        self.delete_row(group, map_key(key, entry));
    }

    /// Every entry of the map of `key`.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn entries(&self, group: KeyGroup, key: &K) -> Result<BTreeMap<UK, UV>, StateError>
    where
        UK: Ord,
    {
        let mut entries = BTreeMap::new();
        for (entry, value) in self.encoded(group, key, usize::MAX)? {
            entries.insert(self.rows.place().decode(&entry)?, value);
        }
        Ok(entries)
    }

    /// Whether the map of `key` has no entry.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn is_empty(&self, group: KeyGroup, key: &K) -> Result<bool, StateError> {
        Ok(self.encoded(group, key, 1)?.is_empty())
    }

    /// Removes every entry of the map of `key`.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn clear(&mut self, group: KeyGroup, key: &K) -> Result<(), StateError> {
        for (entry, _) in self.encoded(group, key, usize::MAX)? {
            let key = key.clone();
            self.delete_row(group, MapKey { key, entry });
        }
        Ok(())
    }

    /// How many entries are in memory.
    pub fn rows_in_memory(&self) -> usize {
        self.rows.rows_in_memory()
    }

    fn delete_row(&mut self, group: KeyGroup, of: MapKey<K>) {
        if self.rows.delete(group, hash_key(&of), &of) {
            self.note(of);
        }
    }

    /// An entry was changed for the first time since the last write-out began.
    fn note(&mut self, MapKey { key, entry }: MapKey<K>) {
        let epoch = self.rows.epoch();
        if self.changed.back().is_none_or(|newest| newest.epoch != epoch) {
            self.changed.push_back(ChangedEntries {
                epoch,
                of_keys: HashMap::default(),
            });
        }
        let newest = self.changed.back_mut().expect("one was just put there");
        newest.of_keys.entry(key).or_default().insert(entry);
    }

    /// At most so many entries of a map, by their encoded keys.
    fn encoded(&self, group: KeyGroup, key: &K, most: usize) -> Result<BTreeMap<Arc<[u8]>, UV>, StateError> {
        let mut found = BTreeMap::new();
        for changed in &self.changed {
            for entry in changed.of_keys.get(key).into_iter().flatten() {
                let of = MapKey {
                    key: key.clone(),
                    entry: entry.clone(),
                };
                if let Some(Some(value)) = self.rows.in_memory(group, &of)
                    && found.len() < most
                {
                    found.insert(entry.clone(), value.clone());
                }
            }
        }
        let mut owner = Vec::new();
        encode_owner(key, &mut owner);
        for row in self.rows.on_disk(group, &owner) {
            if found.len() >= most {
                break;
            }
            let (of, value) = row?;
            match self.rows.in_memory(group, &of) {
                Some(Some(newer)) => drop(found.insert(of.entry, newer.clone())),
                Some(None) => {}
                None => drop(found.insert(of.entry, self.rows.place().decode(&value)?)),
            }
        }
        Ok(found)
    }
}

impl<K: TableKey, UK: Codec, UV: TableValue> RowsInMemory for LsmMap<K, UK, UV> {
    fn memory_bytes(&self) -> usize {
        self.rows.memory_bytes()
    }

    fn changed_bytes(&self) -> usize {
        self.rows.changed_bytes()
    }

    fn sample(&mut self) {
        self.rows.sample();
    }

    fn evict(&mut self, bytes: usize) -> usize {
        self.rows.evict(bytes)
    }

    fn add_to(&mut self, out: &mut LsmWriteOut) {
        self.rows.add_to(out);
        let persisted = self.rows.persisted();
        while self
            .changed
            .front()
            .is_some_and(|oldest| oldest.epoch <= persisted)
        {
            self.changed.pop_front();
        }
    }
}

fn map_key<K: Clone, UK: Codec>(key: &K, entry: &UK) -> MapKey<K> {
    let mut bytes = Vec::new();
    entry.encode(&mut bytes);
    MapKey {
        key: key.clone(),
        entry: bytes.into(),
    }
}
