//! State in a `BTreeMap`: fast, deterministic, and honest about what a crash takes away.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::backend::{assert_next_position, assert_user_key, scan_start};
use crate::digest::Digest;
use crate::{Backend, StateError};

/// Keyed state in memory, for the simulator and for tests of the machine.
///
/// It models durability: [`crash`](MemoryBackend::crash) takes it back to its last flush.
///
/// ```
/// use everspan_state::{Backend, MemoryBackend};
///
/// let mut state = MemoryBackend::new();
/// state.put(b"a", b"1");
/// state.commit(1);
/// assert_eq!(state.flush(), Ok(1));
/// state.delete(b"a");
/// state.commit(2);
/// state.crash();
/// assert_eq!(state.applied(), 1);
/// assert_eq!(state.get(b"a").unwrap().unwrap(), "1");
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryBackend {
    entries: BTreeMap<Bytes, Bytes>,
    /// What the keys changed since the last flush were at that flush.
    flushed: BTreeMap<Bytes, Option<Bytes>>,
    applied: u64,
    persisted: u64,
    unflushed_bytes: u64,
    in_batch: bool,
}

impl MemoryBackend {
    /// An empty state that has applied nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets everything since the last flush, the open batch included.
    pub fn crash(&mut self) {
        for (key, before) in std::mem::take(&mut self.flushed) {
            match before {
                Some(value) => self.entries.insert(key, value),
                None => self.entries.remove(&key),
            };
        }
        self.applied = self.persisted;
        self.unflushed_bytes = 0;
        self.in_batch = false;
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True without any entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn changed(&mut self, key: Bytes, before: Option<Bytes>, bytes: usize) {
        self.unflushed_bytes += bytes as u64;
        self.in_batch = true;
        self.flushed.entry(key).or_insert(before);
    }
}

impl Backend for MemoryBackend {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StateError> {
        assert_user_key(key);
        Ok(self.entries.get(key).cloned())
    }

    fn put(&mut self, key: &[u8], value: &[u8]) {
        assert_user_key(key);
        let bytes = key.len() + value.len();
        let key = Bytes::copy_from_slice(key);
        let before = self.entries.insert(key.clone(), Bytes::copy_from_slice(value));
        self.changed(key, before, bytes);
    }

    fn delete(&mut self, key: &[u8]) {
        assert_user_key(key);
        let before = self.entries.remove(key);
        self.changed(Bytes::copy_from_slice(key), before, key.len());
    }

    fn scan(
        &self,
        prefix: &[u8],
        from: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, StateError> {
        let start = Bytes::copy_from_slice(scan_start(prefix, from));
        Ok(self
            .entries
            .range(start..)
            .take_while(|(key, _)| key.starts_with(prefix))
            .take(limit)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }

    fn commit(&mut self, position: u64) {
        assert_next_position(self.applied, position);
        self.applied = position;
        self.unflushed_bytes += size_of::<u64>() as u64;
        self.in_batch = false;
    }

    fn applied(&self) -> u64 {
        self.applied
    }

    fn unflushed_bytes(&self) -> u64 {
        self.unflushed_bytes
    }

    fn flush(&mut self) -> Result<u64, StateError> {
        assert!(!self.in_batch, "a flush happens between two batches");
        self.flushed.clear();
        self.unflushed_bytes = 0;
        self.persisted = self.applied;
        Ok(self.persisted)
    }

    fn persisted(&self) -> u64 {
        self.persisted
    }

    fn digest(&self) -> Result<u128, StateError> {
        let mut digest = Digest::new();
        for (key, value) in &self.entries {
            digest.entry(key, value);
        }
        Ok(digest.finish(self.applied))
    }
}

#[cfg(test)]
mod tests;
