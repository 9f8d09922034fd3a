//! One checkpoint from its begin to its end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use everspan_checkpoint::{Kind, SubtaskStats};
use everspan_state::store::{CheckpointStore, Part};
use tokio::task::AbortHandle;

use super::statistics::{self, Row};
use super::upload::Stored;
use crate::worker::Taken;

/// What is known of a checkpoint that has not ended.
pub(super) struct UnderWay {
    pub(super) kind: Kind,
    pub(super) store: Arc<CheckpointStore>,
    /// Whether it goes to the configured destination.
    pub(super) is_home: bool,
    pub(super) triggered_ns: u64,
    /// Partitions whose worker does not hold yet.
    waits_for: BTreeSet<u16>,
    /// Times of the snapshots, by partition.
    taken: BTreeMap<u16, SubtaskStats>,
    parts: BTreeMap<u16, Part>,
    rows: Vec<Row>,
    begun: Instant,
    /// What is done for it at the moment.
    tasks: Vec<AbortHandle>,
}

impl UnderWay {
    pub(super) fn new(
        kind: Kind,
        store: Arc<CheckpointStore>,
        is_home: bool,
        triggered_ns: u64,
        partitions: u16,
    ) -> Self {
        Self {
            kind,
            store,
            is_home,
            triggered_ns,
            waits_for: (0..partitions).collect(),
            taken: BTreeMap::new(),
            parts: BTreeMap::new(),
            rows: Vec::new(),
            begun: Instant::now(),
            tasks: Vec::new(),
        }
    }

    /// A worker holds; whether it was the last one.
    pub(super) fn holds(&mut self, partitions: &[u16]) -> bool {
        for partition in partitions {
            self.waits_for.remove(partition);
        }
        self.waits_for.is_empty()
    }

    /// A partition's snapshot was taken.
    pub(super) fn taken(&mut self, partition: u16, taken: &Taken) {
        let stats = SubtaskStats {
            start_delay: taken.start_delay,
            alignment: taken.alignment,
            sync: taken.sync,
            processed_bytes: taken.processed_bytes,
            ..SubtaskStats::default()
        };
        self.taken.insert(partition, stats);
    }

    /// A partition's part is stored; its figures.
    pub(super) fn stored(&mut self, partition: u16, stored: Stored) -> SubtaskStats {
        let stats = self.taken.get(&partition).copied().unwrap_or_default();
        let stats = SubtaskStats {
            asynchronous: stored.write + stored.uploaded.took,
            upload: Some(stored.uploaded.took),
            checkpointed_bytes: stored.uploaded.new_bytes,
            full_bytes: stored.uploaded.full_bytes,
            ..stats
        };
        self.parts.insert(partition, stored.part);
        self.rows.push(Row::of(partition, self.begun.elapsed(), &stats));
        stats
    }

    /// The figures of all parts, for the manifest.
    pub(super) fn statistics(&self) -> Vec<u8> {
        statistics::encode(&self.rows)
    }

    /// Partitions whose parts are stored.
    pub(super) fn acked(&self) -> usize {
        self.parts.len()
    }

    /// The parts, in the order of their partitions.
    pub(super) fn parts(&self) -> Vec<Part> {
        self.parts.values().cloned().collect()
    }

    /// Something is done for it that ends with it.
    pub(super) fn does(&mut self, task: AbortHandle) {
        self.tasks.push(task);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
