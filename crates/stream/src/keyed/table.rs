//! The rows of a state with one value per key, in memory or on disk.

use everspan_state::heap::HeapTable;
use everspan_state::{KeyGroup, LsmTable, StateError};

use super::KeyOf;
use crate::data::{Key, StateValue};
use crate::failure::{BoxError, Result, SuppressRestarts};

/// Rows that are looked at together.
const TOUCHED_AT_ONCE: usize = 64;

/// See the module. On the heap nothing fails.
pub(crate) enum ValueTable<K, V> {
    Heap(HeapTable<K, V>),
    Lsm(LsmTable<K, V>),
}

impl<K: Key, V: StateValue> ValueTable<K, V> {
    /// The value of a key.
    #[inline]
    pub(crate) fn get(&mut self, of: &KeyOf<K>) -> Result<Option<&V>> {
        match self {
            Self::Heap(rows) => Ok(rows.get_hashed(of.group, of.hash, &of.key)),
            Self::Lsm(rows) => rows.get(of.group, of.hash, &of.key).map_err(on_disk),
        }
    }

    /// The value of a key for writing, if there is one.
    #[inline]
    pub(crate) fn get_mut(&mut self, of: &KeyOf<K>) -> Result<Option<&mut V>> {
        match self {
            Self::Heap(rows) => Ok(rows.get_mut_hashed(of.group, of.hash, &of.key)),
            Self::Lsm(rows) => rows.get_mut(of.group, of.hash, &of.key).map_err(on_disk),
        }
    }

    /// The value of a key for writing, made by `make` when there is none.
    #[inline]
    pub(crate) fn entry(&mut self, of: &KeyOf<K>, make: impl FnOnce() -> V) -> Result<&mut V> {
        match self {
            Self::Heap(rows) => Ok(rows.get_or_insert_hashed(of.group, of.hash, &of.key, make)),
            Self::Lsm(rows) => rows.entry(of.group, of.hash, &of.key, make).map_err(on_disk),
        }
    }

    /// Sets the value of a key.
    #[inline]
    pub(crate) fn put(&mut self, of: &KeyOf<K>, value: V) {
        match self {
            Self::Heap(rows) => rows.set_hashed(of.group, of.hash, &of.key, value),
            Self::Lsm(rows) => {
                rows.put(of.group, of.hash, &of.key, value);
            }
        }
    }

    /// Removes a key; returns its value.
    pub(crate) fn take(&mut self, of: &KeyOf<K>) -> Result<Option<V>> {
        match self {
            Self::Heap(rows) => Ok(rows.remove_hashed(of.group, of.hash, &of.key)),
            Self::Lsm(rows) => rows.take(of.group, of.hash, &of.key).map_err(on_disk),
        }
    }

    /// Removes a key, present or not.
    pub(crate) fn delete(&mut self, of: &KeyOf<K>) {
        match self {
            Self::Heap(rows) => drop(rows.remove_hashed(of.group, of.hash, &of.key)),
            Self::Lsm(rows) => {
                rows.delete(of.group, of.hash, &of.key);
            }
        }
    }

    /// Looks at every row of a group, in no particular order.
    pub(crate) fn for_each(&self, group: KeyGroup, mut look: impl FnMut(&K, &V)) -> Result {
        match self {
            Self::Heap(rows) => {
                rows.rows(group).for_each(|(key, value)| look(key, value));
                Ok(())
            }
            Self::Lsm(rows) => rows.for_each(group, |key, value| {
                look(key, value);
                Ok(())
            }),
        }
    }

    /// Looks at the rows of these keys that are in memory; returns how many there are.
    pub(super) fn touch(&self, keys: &[KeyOf<K>]) -> usize {
        match self {
            Self::Heap(rows) => {
                let touched = keys.chunks(TOUCHED_AT_ONCE).map(|keys| touch_rows(rows, keys));
                touched.sum()
            }
            Self::Lsm(rows) => {
                let is_near = |of: &&KeyOf<K>| rows.is_near(of.group, of.hash, &of.key);
                keys.iter().filter(is_near).count()
            }
        }
    }

    /// How many rows are in memory.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Heap(rows) => rows.len(),
            Self::Lsm(rows) => rows.rows_in_memory(),
        }
    }
}

/// Finds out first where all the rows are, then looks at them: looks that stand close together in the program wait for
/// memory together.
fn touch_rows<K: Key, V: StateValue>(table: &HeapTable<K, V>, keys: &[KeyOf<K>]) -> usize {
    let mut rows = [None; TOUCHED_AT_ONCE];
    for (row, of) in rows.iter_mut().zip(keys) {
        *row = table.probable_row_hashed(of.group, of.hash);
    }
    let touched = rows.iter().zip(keys);
    let is_there = |row: &Option<&(K, V)>, of: &KeyOf<K>| row.is_some_and(|(key, _)| *key == of.key);
    touched.filter(|(row, of)| is_there(row, of)).count()
}

/// The error of state on disk: what is of another type, or cannot be written at all, stays so.
#[cold]
pub(super) fn on_disk(error: StateError) -> BoxError {
    match error {
        StateError::OtherType { .. } | StateError::KeyTooLong { .. } => SuppressRestarts::new(error).into(),
        _ => error.into(),
    }
}
