//! What became of the spans: a snapshot for metrics and logs.

/// Counts since the pipeline started, in spans unless said otherwise.
///
/// At every moment, the spans pushed so far are `exported + dropped.total() + queued`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Taken by the destination.
    pub exported: u64,
    /// Given up, by reason.
    pub dropped: Dropped,
    /// Waiting in memory, or under way.
    pub queued: u64,
    /// Attempts to deliver a batch that failed, counted in attempts.
    pub failed_deliveries: u64,
}

/// Spans given up, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Pushed while the queue had no room.
    pub queue_full: u64,
    /// Refused by the destination, for good.
    pub rejected: u64,
    /// Pushed after the shutdown, or still waiting when its deadline passed.
    pub shutdown: u64,
}

impl Dropped {
    /// All reasons together.
    pub fn total(&self) -> u64 {
        self.queue_full + self.rejected + self.shutdown
    }
}
