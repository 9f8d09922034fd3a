//! What a log has done since it was opened, for `/metrics`.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of one log; cheap to read from any thread.
#[derive(Debug, Default)]
pub struct Counters {
    pub(crate) syncs: AtomicU64,
    pub(crate) records: AtomicU64,
    pub(crate) batches: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) segments: AtomicU64,
}

impl Counters {
    /// Syncs of segment files, those that open and close segments included.
    pub fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    /// Records written (not necessarily synced yet).
    pub fn records(&self) -> u64 {
        self.records.load(Ordering::Relaxed)
    }

    /// Non-empty batches written.
    pub fn batches(&self) -> u64 {
        self.batches.load(Ordering::Relaxed)
    }

    /// Bytes written, headers included.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Segment files the log holds now (a gauge).
    pub fn segments(&self) -> u64 {
        self.segments.load(Ordering::Relaxed)
    }
}

pub(crate) fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}
