//! `GET /status`.

use serde_json::{Value, json};

use crate::runtime::{JobStatus, SubtaskStatus, TaskStatus};

pub(super) fn document(name: &str, status: &JobStatus) -> Value {
    json!({
        "name": name,
        "state": status.state.name(),
        "restarts": status.restarts,
        "lastFailure": status.last_failure,
        "tasks": status.tasks.iter().map(task).collect::<Vec<_>>(),
    })
}

fn task(task: &TaskStatus) -> Value {
    json!({
        "name": task.name,
        "parallelism": task.subtasks.len(),
        "subtasks": task.subtasks.iter().map(subtask).collect::<Vec<_>>(),
    })
}

fn subtask(of: &SubtaskStatus) -> Value {
    json!({
        "recordsIn": of.records_in,
        "recordsOut": of.records_out,
        "busyMs": of.busy_ns / 1_000_000,
        "backPressuredMs": of.back_pressured_ns / 1_000_000,
        "watermark": of.watermark_ms,
    })
}
