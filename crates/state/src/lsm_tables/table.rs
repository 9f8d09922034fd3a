//! One table.

use bytes::Bytes;

use super::place::{Place, TableKey, TableValue, prefix};
use super::row::Row;
use super::size::RowSize;
use super::write_out::{Batch, Changes};
use super::{LsmWriteOut, RowsInMemory, Shared};
use crate::StateError;
use crate::heap::{HeapSnapshot, HeapTable, hash_key};
use crate::key_group::{KeyGroup, KeyGroupRange};

/// Rows that are looked at now and then, to know how large they are.
const SAMPLES: usize = 4;

/// A typed map for each key group of its owner, of which some rows are in memory and all that are not are on disk. Made
/// by [`LsmTables::table`](super::LsmTables::table).
pub struct LsmTable<K, V> {
    place: Place,
    range: KeyGroupRange,
    rows: HeapTable<K, Row<V>>,
    /// For each group, whether every row is in memory: then nobody looks on disk.
    is_complete: Vec<bool>,
    shared: Shared,
    /// Rows that were changed since the last write-out began.
    changed: usize,
    size: RowSize,
    /// The group that is looked at next: for rows that may leave, or for samples.
    hand: u16,
    key: Vec<u8>,
}

impl<K: TableKey, V: TableValue> LsmTable<K, V> {
    pub(super) fn new(place: Place, range: KeyGroupRange, shared: Shared, is_complete: bool) -> Self {
        Self {
            place,
            range,
            rows: HeapTable::new(range),
            is_complete: vec![is_complete; range.groups()],
            shared,
            changed: 0,
            size: RowSize::of::<(K, Row<V>), K, V>(),
            hand: 0,
            key: Vec::new(),
        }
    }

    /// The value of `key`, whose [hash](hash_key) is `hash`.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or is of another type.
    #[inline]
    pub fn get(&mut self, group: KeyGroup, hash: u64, key: &K) -> Result<Option<&V>, StateError> {
        if self.rows.get_hashed(group, hash, key).is_none() {
            self.fetch(group, hash, key)?;
        }
        let row = self.rows.get_hashed(group, hash, key);
        Ok(row.and_then(|row| row.value.as_ref()))
    }

    /// The value of `key` for writing, made by `make` when there is none.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    #[inline]
    pub fn entry(
        &mut self,
        group: KeyGroup,
        hash: u64,
        key: &K,
        make: impl FnOnce() -> V,
    ) -> Result<&mut V, StateError> {
        if self.rows.get_hashed(group, hash, key).is_none() && !self.fetch(group, hash, key)? {
            let absent = || Row::read(None);
            self.rows.get_or_insert_hashed(group, hash, key, absent);
        }
        let row = self.rows.get_mut_hashed(group, hash, key);
        let row = row.expect("the row was just there, or was put there");
        self.changed += usize::from(row.change(self.shared.epoch));
        Ok(row.value.get_or_insert_with(make))
    }

    /// The value of `key` for writing, if there is one.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn get_mut(&mut self, group: KeyGroup, hash: u64, key: &K) -> Result<Option<&mut V>, StateError> {
        if self.get(group, hash, key)?.is_none() {
            return Ok(None);
        }
        let row = self.rows.get_mut_hashed(group, hash, key);
        let row = row.expect("the row was just there");
        self.changed += usize::from(row.change(self.shared.epoch));
        Ok(row.value.as_mut())
    }

    /// Sets the value of `key`, whatever it was; says whether that is its first change since the last write-out began.
    #[inline]
    pub fn put(&mut self, group: KeyGroup, hash: u64, key: &K, value: V) -> bool {
        let epoch = self.shared.epoch;
        if let Some(row) = self.rows.get_mut_hashed(group, hash, key) {
            let is_first = row.change(epoch);
            self.changed += usize::from(is_first);
            row.value = Some(value);
            return is_first;
        }
        let may_be_on_disk = !self.is_complete(group);
        let new = || Row::new(Some(value), epoch, may_be_on_disk);
        self.rows.get_or_insert_hashed(group, hash, key, new);
        self.changed += 1;
        true
    }

    /// Removes `key`; returns its value.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn take(&mut self, group: KeyGroup, hash: u64, key: &K) -> Result<Option<V>, StateError> {
        if self.get(group, hash, key)?.is_none() {
            return Ok(None);
        }
        Ok(self.erase(group, hash, key))
    }

    /// Removes `key`, present or not; says whether that is its first change since the last write-out began.
    pub fn delete(&mut self, group: KeyGroup, hash: u64, key: &K) -> bool {
        let before = self.changed;
        if self.rows.get_hashed(group, hash, key).is_some() {
            self.erase(group, hash, key);
        } else if !self.is_complete(group) {
            let epoch = self.shared.epoch;
            let removed = || Row::new(None, epoch, true);
            self.rows.get_or_insert_hashed(group, hash, key, removed);
            self.changed += 1;
        }
        self.changed > before
    }

    /// Removes the value of a row that is in memory.
    fn erase(&mut self, group: KeyGroup, hash: u64, key: &K) -> Option<V> {
        let row = self.rows.get_mut_hashed(group, hash, key)?;
        let value = row.value.take();
        self.changed += usize::from(row.change(self.shared.epoch));
        if !row.is_on_disk {
            // It comes and goes between two write-outs.
            self.changed -= 1;
            self.rows.remove_hashed(group, hash, key);
        }
        value
    }

    /// Every row of a group, in no particular order.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); or what `look` said.
    pub fn for_each<E: From<StateError>>(
        &self,
        group: KeyGroup,
        mut look: impl FnMut(&K, &V) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.is_complete(group) {
            for row in self.on_disk(group, &[]) {
                let (key, value) = row?;
                if self.rows.get(group, &key).is_none() {
                    look(&key, &self.place.decode(&value)?)?;
                }
            }
        }
        let rows = self.rows.rows(group);
        let mut values = rows.filter_map(|(key, row)| Some((key, row.value.as_ref()?)));
        values.try_for_each(|(key, value)| look(key, value))
    }

    /// The row of `key` as it is in memory, if it is there: `Some(None)` for one that was removed.
    pub(super) fn in_memory(&self, group: KeyGroup, key: &K) -> Option<Option<&V>> {
        let row = self.rows.get_hashed(group, hash_key(key), key);
        row.map(|row| row.value.as_ref())
    }

    /// The rows of a group that are on disk now and whose own keys start with `start`.
    pub(super) fn on_disk(
        &self,
        group: KeyGroup,
        start: &[u8],
    ) -> impl Iterator<Item = Result<(K, Bytes), StateError>> + use<'_, K, V> {
        let prefix = [&prefix(group, self.place.number), start].concat();
        let rows = self.shared.reader.rows(&prefix);
        rows.map(|row| {
            let (key, value) = row?;
            Ok((self.place.decode_key(&key)?, value))
        })
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// The number of the write-out to come.
    pub(super) fn epoch(&self) -> u32 {
        self.shared.epoch
    }

    /// All write-outs up to this one are on disk.
    pub(super) fn persisted(&self) -> u32 {
        self.shared.persisted()
    }

    /// Whether this row is in memory: looking at it brings it near the processor.
    #[inline]
    pub fn is_near(&self, group: KeyGroup, hash: u64, key: &K) -> bool {
        self.rows.get_hashed(group, hash, key).is_some()
    }

    /// How many rows are in memory.
    pub fn rows_in_memory(&self) -> usize {
        self.rows.len()
    }

    fn next_group(&mut self) -> KeyGroup {
        let (first, last) = (self.range.first().0, self.range.last().0);
        let group = KeyGroup(first + self.hand);
        self.hand = if group.0 == last { 0 } else { self.hand + 1 };
        group
    }

    #[inline]
    fn is_complete(&self, group: KeyGroup) -> bool {
        self.is_complete[usize::from(group.0 - self.range.first().0)]
    }

    /// Brings a row that is not in memory there, or the knowledge that there is none; `false`: nobody had to look.
    #[inline(never)]
    fn fetch(&mut self, group: KeyGroup, hash: u64, key: &K) -> Result<bool, StateError> {
        if self.is_complete(group) {
            return Ok(false);
        }
        self.place.key(group, key, &mut self.key)?;
        let found = self.shared.reader.get(&self.key)?;
        let value = found.map(|value| self.place.decode(&value)).transpose()?;
        let read = || Row::read(value);
        self.rows.get_or_insert_hashed(group, hash, key, read);
        Ok(true)
    }
}

impl<K: TableKey, V: TableValue> RowsInMemory for LsmTable<K, V> {
    fn memory_bytes(&self) -> usize {
        self.rows.len() * self.size.bytes()
    }

    fn changed_bytes(&self) -> usize {
        self.changed * self.size.bytes()
    }

    fn sample(&mut self) {
        if !self.size.learns() {
            return;
        }
        let group = self.next_group();
        for (key, row) in self.rows.rows(group).take(SAMPLES) {
            if let Some(value) = &row.value {
                self.size.learn(key, value);
            }
        }
    }

    fn add_to(&mut self, out: &mut LsmWriteOut) {
        self.shared.epoch += 1;
        if std::mem::take(&mut self.changed) > 0 {
            let changes = Changed {
                place: self.place.clone(),
                rows: self.rows.snapshot(),
            };
            out.add(self.place.number, Box::new(changes));
        }
    }

    fn evict(&mut self, bytes: usize) -> usize {
        let persisted = self.shared.persisted();
        let mut evicted = 0;
        for _ in 0..self.range.groups() {
            if evicted >= bytes {
                break;
            }
            let group = self.next_group();
            let rows = self.rows.rows(group);
            let on_disk = rows.filter(|(_, row)| row.written <= persisted);
            let keys: Vec<K> = on_disk.map(|(key, _)| key.clone()).collect();
            for key in &keys {
                if self
                    .rows
                    .remove(group, key)
                    .is_some_and(|row| row.value.is_some())
                {
                    self.is_complete[usize::from(group.0 - self.range.first().0)] = false;
                }
            }
            evicted += keys.len() * self.size.bytes();
        }
        evicted
    }
}

/// What a write-out has of a table.
struct Changed<K, V> {
    place: Place,
    rows: HeapSnapshot<K, Row<V>>,
}

impl<K: TableKey, V: TableValue> Changes for Changed<K, V> {
    fn of_group(&self, group: KeyGroup, persisted: u32, out: &mut Batch) -> Result<(), StateError> {
        let prefix = prefix(group, self.place.number);
        for (key, row) in self.rows.rows(group).filter(|(_, row)| row.written > persisted) {
            if row.value.is_none() && !row.is_on_disk {
                continue;
            }
            let whole = |out: &mut Vec<u8>| {
                out.extend_from_slice(&prefix);
                key.encode(out);
            };
            let value = row.value.as_ref();
            let written = out.add(whole, value.map(|value| |out: &mut Vec<u8>| value.encode(out)));
            self.place.check(written)?;
        }
        Ok(())
    }
}
