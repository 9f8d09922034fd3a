//! How checkpoints are doing, for the admin API and `/metrics`.

use everspan_checkpoint::{CheckpointSummary, Kind, Statistics};

/// A picture of the driver.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Where checkpoints go; `None`: nowhere.
    pub destination: Option<String>,
    /// What has become of the checkpoints of this run.
    pub statistics: Statistics,
    /// Checkpoints that have not ended.
    pub under_way: Vec<UnderWayView>,
    /// Complete checkpoints that are kept, oldest first.
    pub retained: Vec<u64>,
    /// Why none can be made now; `None`: all is well.
    pub waits_for: Option<String>,
}

/// A checkpoint that has not ended.
#[derive(Clone, Debug)]
pub struct UnderWayView {
    /// Its number.
    pub id: u64,
    /// What it is.
    pub kind: Kind,
    /// When it was triggered, ns since the epoch.
    pub triggered_ns: u64,
    /// Partitions that are stored.
    pub acked: usize,
}

/// What is waited for at the start.
pub(super) const NOT_READ: &str = "the destination has not been read yet";

impl View {
    /// Before the driver has looked at anything.
    pub(super) fn before(destination: Option<&String>) -> Self {
        Self {
            destination: destination.cloned(),
            waits_for: destination.map(|_| NOT_READ.to_owned()),
            ..Self::default()
        }
    }

    /// The newest that failed.
    pub fn latest_failed(&self) -> Option<&CheckpointSummary> {
        let mut newest_first = self.statistics.history().rev();
        newest_first.find(|summary| summary.failure.is_some())
    }

    /// The newest savepoint.
    pub fn latest_savepoint(&self) -> Option<&CheckpointSummary> {
        let mut newest_first = self.statistics.history().rev();
        newest_first.find(|summary| summary.failure.is_none() && summary.kind.is_savepoint())
    }
}
