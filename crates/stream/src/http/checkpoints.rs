//! `GET /checkpoints`.

use everspan_checkpoint::{CheckpointSummary, Statistics};
use serde_json::{Value, json};

pub(super) fn document(statistics: &Statistics) -> Value {
    let counts = statistics.counts();
    let history: Vec<Value> = statistics.history().rev().map(summary).collect();
    json!({
        "counts": { "completed": counts.completed, "failed": counts.failed },
        "latestCompleted": statistics.latest_completed().map(summary),
        "history": history,
    })
}

fn summary(checkpoint: &CheckpointSummary) -> Value {
    json!({
        "id": checkpoint.id,
        "status": if checkpoint.failure.is_none() { "COMPLETED" } else { "FAILED" },
        "failure": checkpoint.failure.as_ref().map(ToString::to_string),
        "isSavepoint": checkpoint.kind.is_savepoint(),
        "unaligned": checkpoint.unaligned,
        "triggerTimestamp": checkpoint.triggered_ns / 1_000_000,
        "endToEndDurationMs": checkpoint.duration.as_secs_f64() * 1e3,
        "checkpointedSize": checkpoint.checkpointed_bytes,
        "fullSize": checkpoint.full_bytes,
    })
}
