//! Records that travel together.

use crate::task::NO_TIMESTAMP;

/// Records of a full batch.
pub(crate) const BATCH_RECORDS: usize = 1024;

/// Up to [`BATCH_RECORDS`] records, with their times if any of them has one.
#[derive(Debug)]
pub(crate) struct Batch<T> {
    records: Vec<T>,
    /// Empty as long as no record has a time.
    timestamps: Vec<i64>,
    /// The hash of each record's key; empty when the sender does not go by keys.
    key_hashes: Vec<u64>,
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Self {
            records: Vec::new(),
            timestamps: Vec::new(),
            key_hashes: Vec::new(),
        }
    }
}

impl<T> Batch<T> {
    /// The records of a batch have all a hash, or none has.
    #[inline]
    pub(crate) fn push(&mut self, record: T, timestamp: i64, key_hash: Option<u64>) {
        if timestamp != NO_TIMESTAMP || !self.timestamps.is_empty() {
            // Those before it had none.
            self.timestamps.resize(self.records.len(), NO_TIMESTAMP);
            self.timestamps.push(timestamp);
        }
        if self.records.capacity() == 0 {
            self.records.reserve_exact(BATCH_RECORDS);
        }
        if let Some(key_hash) = key_hash {
            debug_assert_eq!(self.key_hashes.len(), self.records.len(), "all have a hash");
            self.key_hashes.push(key_hash);
        }
        self.records.push(record);
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.records.len() >= BATCH_RECORDS
    }

    /// Every record with its time, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&T, i64)> {
        let times = self.timestamps.iter().copied();
        self.records
            .iter()
            .zip(times.chain(std::iter::repeat(NO_TIMESTAMP)))
    }

    /// Takes every record out, with its time and the hash of its key; the batch is empty then and can be filled again.
    #[inline]
    pub(crate) fn drain(&mut self, mut each: impl FnMut(T, i64, Option<u64>)) {
        let mut timestamps = self.timestamps.drain(..);
        let mut key_hashes = self.key_hashes.drain(..);
        for record in self.records.drain(..) {
            let timestamp = timestamps.next().unwrap_or(NO_TIMESTAMP);
            each(record, timestamp, key_hashes.next());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_keep_their_times_and_hashes_and_those_without_stay_without() {
        let mut batch = Batch::default();
        batch.push('a', NO_TIMESTAMP, Some(1));
        batch.push('b', 7, Some(2));
        batch.push('c', NO_TIMESTAMP, Some(3));
        let seen: Vec<_> = batch.iter().map(|(&record, time)| (record, time)).collect();
        let expected = [('a', NO_TIMESTAMP), ('b', 7), ('c', NO_TIMESTAMP)];
        assert_eq!(seen, expected);
        let mut drained = Vec::new();
        batch.drain(|record, time, hash| drained.push((record, time, hash)));
        let hashed = [
            ('a', NO_TIMESTAMP, Some(1)),
            ('b', 7, Some(2)),
            ('c', NO_TIMESTAMP, Some(3)),
        ];
        assert_eq!(drained, hashed);
        batch.push('d', NO_TIMESTAMP, None);
        drained.clear();
        batch.drain(|record, time, hash| drained.push((record, time, hash)));
        assert_eq!(drained, [('d', NO_TIMESTAMP, None)]);
        assert!(batch.is_empty());
    }
}
