//! What was written since the last flush, in front of the tree.
//!
//! The tree's own memtable keeps every version of every key, so that threads can read it while it grows. One thread
//! writes here and nobody needs an old version: an ordered map does, at a fraction of the cost, and a row that
//! comes and goes between two flushes never reaches the tree at all.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;

/// What an entry costs beside key and value: map node, two allocations.
const ENTRY_OVERHEAD: u64 = 96;

/// Keys and their newest values; `None` = deleted.
#[derive(Default)]
pub(super) struct WriteBuffer {
    entries: BTreeMap<Box<[u8]>, Option<Bytes>>,
    bytes: u64,
}

impl WriteBuffer {
    pub(super) fn put(&mut self, key: &[u8], value: &[u8]) {
        self.set(key, Some(Bytes::copy_from_slice(value)));
    }

    pub(super) fn delete(&mut self, key: &[u8]) {
        self.set(key, None);
    }

    /// `None`: ask the tree. `Some(None)`: deleted.
    pub(super) fn get(&self, key: &[u8]) -> Option<Option<&Bytes>> {
        self.entries.get(key).map(Option::as_ref)
    }

    /// Entries from `start` to before `end`, in key order.
    pub(super) fn range<'a>(
        &'a self,
        start: &[u8],
        end: &[u8],
    ) -> impl Iterator<Item = (&'a [u8], Option<&'a Bytes>)> {
        let bounds = (Bound::Included(start), Bound::Excluded(end));
        let entries = self.entries.range::<[u8], _>(bounds);
        entries.map(|(key, value)| (key.as_ref(), value.as_ref()))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], Option<&Bytes>)> {
        self.entries
            .iter()
            .map(|(key, value)| (key.as_ref(), value.as_ref()))
    }

    /// Memory it takes, about.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn set(&mut self, key: &[u8], value: Option<Bytes>) {
        let len = |value: &Option<Bytes>| value.as_ref().map_or(0, |value| value.len() as u64);
        let added = len(&value);
        if let Some(known) = self.entries.get_mut(key) {
            self.bytes = self.bytes + added - len(known);
            *known = value;
            return;
        }
        self.bytes += added + key.len() as u64 + ENTRY_OVERHEAD;
        self.entries.insert(key.into(), value);
    }
}
