//! What has become of the checkpoints of a run: for `/metrics`, the admin API and the viewer.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::AbortReason;
use crate::coordinator::{Kind, Pending};

/// Checkpoints that are remembered one by one; older ones are only counted.
const HISTORY_MAX: usize = 100;

/// One checkpoint that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointSummary {
    /// Its id.
    pub id: u64,
    /// What it was.
    pub kind: Kind,
    /// Whether barriers were allowed to overtake data.
    pub unaligned: bool,
    /// When it was triggered, nanoseconds since the Unix epoch.
    pub triggered_ns: u64,
    /// From the trigger to the end.
    pub duration: Duration,
    /// Bytes newly written.
    pub checkpointed_bytes: u64,
    /// Bytes of all state it refers to.
    pub full_bytes: u64,
    /// Bytes of its manifest; `None` when there is none.
    pub metadata_bytes: Option<u64>,
    /// Subtasks that had written their part.
    pub acked: usize,
    /// Subtasks of the job.
    pub subtasks: usize,
    /// Why it failed; `None`: it completed.
    pub failure: Option<AbortReason>,
}

/// How many checkpoints there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Complete, savepoints included.
    pub completed: u64,
    /// Failed or refused.
    pub failed: u64,
    /// Bytes newly written by all that completed.
    pub checkpointed_bytes: u64,
}

/// Counts, the latest checkpoints, and the newest complete one.
#[derive(Clone, Debug, Default)]
pub struct Statistics {
    counts: Counts,
    failures: BTreeMap<&'static str, u64>,
    history: VecDeque<CheckpointSummary>,
    latest_completed: Option<CheckpointSummary>,
    latest_retained: Option<u64>,
}

impl CheckpointSummary {
    pub(crate) fn new(
        id: u64,
        ended: &Pending,
        failure: Option<&AbortReason>,
        subtasks: usize,
        duration: Duration,
    ) -> Self {
        Self {
            id,
            kind: ended.kind,
            unaligned: ended.unaligned,
            triggered_ns: ended.triggered.wall_ns,
            duration,
            checkpointed_bytes: ended.checkpointed_bytes(),
            full_bytes: ended.full_bytes(),
            metadata_bytes: ended.metadata_bytes,
            acked: ended.acked(),
            subtasks,
            failure: failure.cloned(),
        }
    }
}

impl Statistics {
    /// How many there were.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How many failed, by the [label](AbortReason::label) of the reason; reasons that never were are left out.
    pub fn failures(&self) -> &BTreeMap<&'static str, u64> {
        &self.failures
    }

    /// The latest that ended, newest last, at most 100.
    pub fn history(&self) -> impl DoubleEndedIterator<Item = &CheckpointSummary> {
        self.history.iter()
    }

    /// The newest that completed.
    pub fn latest_completed(&self) -> Option<&CheckpointSummary> {
        self.latest_completed.as_ref()
    }

    /// The id of the newest that completed and is no savepoint: retention keeps it.
    pub fn latest_retained(&self) -> Option<u64> {
        self.latest_retained
    }

    pub(crate) fn add(&mut self, summary: CheckpointSummary) {
        if let Some(reason) = &summary.failure {
            self.counts.failed += 1;
            *self.failures.entry(reason.label()).or_default() += 1;
        } else {
            self.counts.completed += 1;
            self.counts.checkpointed_bytes += summary.checkpointed_bytes;
            self.latest_completed = Some(summary.clone());
            if !summary.kind.is_savepoint() {
                self.latest_retained = Some(summary.id);
            }
        }
        if self.history.len() == HISTORY_MAX {
            self.history.pop_front();
        }
        self.history.push_back(summary);
    }
}
