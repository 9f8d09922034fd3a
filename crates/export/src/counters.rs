//! What became of the spans: a snapshot for metrics and logs.

/// Counts since the pipeline started, in spans unless said otherwise.
///
/// At every moment `pushed + resumed = exported + dropped.total() + queued + spooled`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Handed to the pipeline.
    pub pushed: u64,
    /// Found on disk at the start.
    pub resumed: u64,
    /// Taken by the destination.
    pub exported: u64,
    /// Given up, by reason.
    pub dropped: Dropped,
    /// Waiting in memory, or under way from there.
    pub queued: u64,
    /// Waiting on disk, or under way from there.
    pub spooled: u64,
    /// Bytes of the files on disk, those included that are delivered but not yet removed.
    pub spool_bytes: u64,
    /// Attempts to deliver a batch that failed, counted in attempts.
    pub failed_deliveries: u64,
    /// Sender processes that were started in the place of one that had gone, or did not answer.
    pub sender_restarts: u64,
}

/// Spans given up, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Pushed while the memory queue had no room, and no spool could make some.
    pub queue_full: u64,
    /// Pushed while the queue and the spool or its disk were full, or waiting in memory when they had to be safe.
    pub spool_full: u64,
    /// Found damaged on disk.
    pub spool_damaged: u64,
    /// Refused by the destination, for good.
    pub rejected: u64,
    /// Pushed after the shutdown, or still waiting when its deadline passed.
    pub shutdown: u64,
}

impl Dropped {
    /// All reasons together.
    pub fn total(&self) -> u64 {
        self.reasons().iter().map(|(_, count)| count).sum()
    }

    /// Each reason by its name in logs and metrics.
    pub fn reasons(&self) -> [(&'static str, u64); 5] {
        [
            ("queue_full", self.queue_full),
            ("spool_full", self.spool_full),
            ("spool_damaged", self.spool_damaged),
            ("rejected", self.rejected),
            ("shutdown", self.shutdown),
        ]
    }
}
