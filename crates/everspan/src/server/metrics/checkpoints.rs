//! The numbers of checkpoints.

use everspan_checkpoint::AbortReason;

use super::{counter, gauge};
use crate::checkpoints::View;

const NS_PER_S: u64 = 1_000_000_000;

/// Of the checkpoints of this run; what was never is left out, but for counts.
pub(super) fn write(text: &mut String, view: &View, now_ns: u64) {
    let counts = view.statistics.counts();
    counter(
        "everspan_checkpoints_completed_total",
        "checkpoints that completed, savepoints included",
    )
    .write(text, counts.completed);
    let failures = view.statistics.failures();
    let failed = AbortReason::LABELS.into_iter().map(|reason| {
        let count = failures.get(reason).copied().unwrap_or(0);
        (format!("{{reason=\"{reason}\"}}"), count)
    });
    counter(
        "everspan_checkpoints_failed_total",
        "checkpoints that failed or were refused, by reason",
    )
    .write_rows(text, failed);
    gauge(
        "everspan_checkpoints_in_progress",
        "checkpoints that have not ended",
    )
    .write(text, view.under_way.len() as u64);
    gauge(
        "everspan_checkpoints_retained",
        "complete checkpoints that are kept",
    )
    .write(text, view.retained.len() as u64);
    counter(
        "everspan_checkpoints_written_bytes_total",
        "bytes newly written by checkpoints that completed",
    )
    .write(text, counts.checkpointed_bytes);
    let Some(last) = view.statistics.latest_completed() else {
        return;
    };
    let duration_ms = u64::try_from(last.duration.as_millis()).unwrap_or(u64::MAX);
    gauge(
        "everspan_checkpoint_last_duration_ms",
        "how long the last one took",
    )
    .write(text, duration_ms);
    gauge(
        "everspan_checkpoint_last_written_bytes",
        "bytes the last one newly wrote",
    )
    .write(text, last.checkpointed_bytes);
    gauge(
        "everspan_checkpoint_last_full_bytes",
        "bytes of all state the last one refers to",
    )
    .write(text, last.full_bytes);
    let age_s = now_ns.saturating_sub(last.triggered_ns) / NS_PER_S;
    gauge(
        "everspan_checkpoint_last_age_seconds",
        "seconds since the last one was triggered: what a lost disk costs",
    )
    .write(text, age_s);
}
