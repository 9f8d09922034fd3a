//! Figures of a checkpoint's parts, kept in its manifest: a start that finds it complete can tell it.

use std::collections::BTreeMap;
use std::time::Duration;

use everspan_checkpoint::{SubtaskId, SubtaskStats};
use serde::{Deserialize, Serialize};

/// The attachment with the figures.
pub(super) const STATISTICS: &str = "statistics.json";

/// One partition's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Row {
    partition: u16,
    /// From the trigger until it was stored.
    after_ns: u64,
    start_delay_ns: u64,
    alignment_ns: u64,
    sync_ns: u64,
    async_ns: u64,
    upload_ns: u64,
    checkpointed_bytes: u64,
    full_bytes: u64,
    /// Not in manifests that were written before it was counted.
    #[serde(default)]
    processed_bytes: u64,
}

impl Row {
    pub(super) fn of(partition: u16, after: Duration, stats: &SubtaskStats) -> Self {
        Self {
            partition,
            after_ns: ns(after),
            start_delay_ns: ns(stats.start_delay),
            alignment_ns: ns(stats.alignment),
            sync_ns: ns(stats.sync),
            async_ns: ns(stats.asynchronous),
            upload_ns: ns(stats.upload.unwrap_or_default()),
            checkpointed_bytes: stats.checkpointed_bytes,
            full_bytes: stats.full_bytes,
            processed_bytes: stats.processed_bytes,
        }
    }

    fn stats(&self) -> SubtaskStats {
        SubtaskStats {
            start_delay: Duration::from_nanos(self.start_delay_ns),
            alignment: Duration::from_nanos(self.alignment_ns),
            sync: Duration::from_nanos(self.sync_ns),
            asynchronous: Duration::from_nanos(self.async_ns),
            upload: Some(Duration::from_nanos(self.upload_ns)),
            checkpointed_bytes: self.checkpointed_bytes,
            full_bytes: self.full_bytes,
            processed_bytes: self.processed_bytes,
            ..SubtaskStats::default()
        }
    }
}

/// The figures as the attachment holds them.
pub(super) fn encode(rows: &[Row]) -> Vec<u8> {
    serde_json::to_vec(rows).expect("numbers are JSON")
}

/// The figures of every partition; empty if the attachment is none.
pub(super) fn decode(bytes: &[u8]) -> BTreeMap<SubtaskId, (Duration, SubtaskStats)> {
    let rows: Vec<Row> = serde_json::from_slice(bytes).unwrap_or_default();
    let ack = |row: &Row| {
        let subtask = SubtaskId {
            task: 0,
            index: u32::from(row.partition),
        };
        (subtask, (Duration::from_nanos(row.after_ns), row.stats()))
    };
    rows.iter().map(ack).collect()
}

fn ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_of_a_part_come_back_and_older_ones_are_read() {
        let stats = SubtaskStats {
            start_delay: Duration::from_nanos(1),
            alignment: Duration::from_nanos(2),
            sync: Duration::from_nanos(3),
            asynchronous: Duration::from_nanos(4),
            upload: Some(Duration::from_nanos(5)),
            checkpointed_bytes: 6,
            full_bytes: 7,
            processed_bytes: 8,
            ..SubtaskStats::default()
        };
        let bytes = encode(&[Row::of(3, Duration::from_nanos(9), &stats)]);
        let of = SubtaskId { task: 0, index: 3 };
        assert_eq!(
            decode(&bytes),
            BTreeMap::from([(of, (Duration::from_nanos(9), stats))])
        );

        let older = String::from_utf8(bytes)
            .unwrap()
            .replace(",\"processed_bytes\":8", "");
        assert_eq!(decode(older.as_bytes())[&of].1.processed_bytes, 0);
    }
}
