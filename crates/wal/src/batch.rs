//! Framed records ready to be written: what one partition worker hands over at once.

use crate::format::{self, RECORD_HEADER_SIZE, Record};

/// Most bytes a batch may hold, record headers included: 1 GiB. Pushing beyond it is a bug and panics.
pub const BATCH_BYTES_MAX: usize = 1 << 30;

/// Records of any partitions in the order they shall stand in the log; written whole or not at all.
///
/// The checksum over the payload is computed by [`Batch::push`], on the pushing thread.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    runs: Vec<Run>,
    records: u64,
}

/// The contiguous seqs a batch holds of one partition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) partition: u16,
    pub(crate) first: u64,
    pub(crate) last: u64,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Batch {
        Batch::default()
    }

    /// Adds a record. `seq` starts at 1 and grows by 1 within a partition; anything else is a bug of
    /// the caller: within the batch it panics here, against the log it is refused on append.
    pub fn push(&mut self, partition: u16, seq: u64, payload: &[u8]) {
        assert!(seq > 0, "seqs start at 1, partition {partition} pushed 0");
        let size = RECORD_HEADER_SIZE.saturating_add(payload.len());
        assert!(
            size <= BATCH_BYTES_MAX - self.bytes.len(),
            "a batch stays under {BATCH_BYTES_MAX} bytes"
        );
        match self.runs.iter_mut().rev().find(|run| run.partition == partition) {
            Some(run) => {
                assert_eq!(seq, run.last + 1, "seqs of partition {partition} are contiguous");
                run.last = seq;
            }
            None => self.runs.push(Run {
                partition,
                first: seq,
                last: seq,
            }),
        }
        format::encode_record(
            &mut self.bytes,
            Record {
                partition,
                seq,
                payload,
            },
        );
        self.records += 1;
    }

    /// Whether it holds no record.
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Number of records.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Bytes it takes in the log, record headers included.
    pub fn bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The last seq it holds of a partition.
    pub fn last(&self, partition: u16) -> Option<u64> {
        let mut runs = self.runs.iter();
        runs.find(|run| run.partition == partition).map(|run| run.last)
    }

    /// Empties it and keeps its buffer.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.runs.clear();
        self.records = 0;
    }

    pub(crate) fn framed(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn runs(&self) -> &[Run] {
        &self.runs
    }

    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::Batch;

    #[test]
    fn a_batch_knows_the_last_seq_of_each_partition() {
        let mut batch = Batch::new();
        batch.push(1, 5, b"a");
        batch.push(2, 1, b"");
        batch.push(1, 6, b"b");
        assert_eq!(
            (batch.last(1), batch.last(2), batch.last(3)),
            (Some(6), Some(1), None)
        );
        assert_eq!((batch.records(), batch.bytes()), (3, 3 * 24 + 2));
        batch.clear();
        assert!(batch.is_empty());
        assert_eq!(batch.last(1), None);
    }

    #[test]
    #[should_panic(expected = "contiguous")]
    fn a_gap_within_a_batch_is_a_bug() {
        let mut batch = Batch::new();
        batch.push(1, 5, b"a");
        batch.push(1, 7, b"b");
    }
}
