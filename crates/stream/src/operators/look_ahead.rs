//! Records that wait while the state is large: their rows are brought near the processor together.
//!
//! A row that is in none of the near caches takes as long as a hundred instructions or more. Who looks for one row after
//! the other waits for each; looks for many at once wait together. Nothing waits beyond the end of a step, nor behind a
//! signal, so that nobody sees it.

use crate::keyed::KeyOf;

/// Records that wait at most.
pub(crate) const LOOK_AHEAD_RECORDS: usize = 64;

/// Records with the keys of their rows, and their times.
pub(crate) struct Waiting<K, T> {
    keys: Vec<KeyOf<K>>,
    records: Vec<(T, i64)>,
}

impl<K, T> Default for Waiting<K, T> {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            records: Vec::new(),
        }
    }
}

impl<K, T> Waiting<K, T> {
    #[inline]
    pub(crate) fn push(&mut self, key: KeyOf<K>, record: T, timestamp: i64) {
        self.keys.push(key);
        self.records.push((record, timestamp));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether those that wait are to be processed before another comes.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.keys.len() >= LOOK_AHEAD_RECORDS
    }

    pub(crate) fn keys(&self) -> &[KeyOf<K>] {
        &self.keys
    }

    /// Takes every record out, in order.
    #[inline]
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = (KeyOf<K>, T, i64)> {
        let records = self.records.drain(..);
        let all = self.keys.drain(..).zip(records);
        all.map(|(key, (record, timestamp))| (key, record, timestamp))
    }
}
