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
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Self {
            records: Vec::new(),
            timestamps: Vec::new(),
        }
    }
}

impl<T> Batch<T> {
    #[inline]
    pub(crate) fn push(&mut self, record: T, timestamp: i64) {
        if timestamp != NO_TIMESTAMP || !self.timestamps.is_empty() {
            // Those before it had none.
            self.timestamps.resize(self.records.len(), NO_TIMESTAMP);
            self.timestamps.push(timestamp);
        }
        if self.records.capacity() == 0 {
            self.records.reserve_exact(BATCH_RECORDS);
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

    /// Takes every record out; the batch is empty then and can be filled again.
    #[inline]
    pub(crate) fn drain(&mut self, mut each: impl FnMut(T, i64)) {
        if self.timestamps.is_empty() {
            for record in self.records.drain(..) {
                each(record, NO_TIMESTAMP);
            }
        } else {
            for (record, timestamp) in self.records.drain(..).zip(self.timestamps.drain(..)) {
                each(record, timestamp);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_without_a_time_stay_without_one_beside_those_that_have_one() {
        let mut batch = Batch::default();
        batch.push('a', NO_TIMESTAMP);
        batch.push('b', 7);
        batch.push('c', NO_TIMESTAMP);
        let seen: Vec<_> = batch.iter().map(|(&record, time)| (record, time)).collect();
        let expected = [('a', NO_TIMESTAMP), ('b', 7), ('c', NO_TIMESTAMP)];
        assert_eq!(seen, expected);
        let mut drained = Vec::new();
        batch.drain(|record, time| drained.push((record, time)));
        assert_eq!(drained, expected);
        batch.push('d', NO_TIMESTAMP);
        batch.drain(|record, time| assert_eq!((record, time), ('d', NO_TIMESTAMP)));
        assert!(batch.is_empty());
    }
}
