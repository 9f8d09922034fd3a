//! Checkpoints: how they are doing, and one on demand.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use everspan_checkpoint::{CheckpointSummary, Kind};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Admin;
use super::error::Refused;
use crate::checkpoints::{NoCheckpoint, UnderWayView};

/// What is asked for; all of it may be left out.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// `checkpoint` or `savepoint`.
    kind: Option<String>,
    /// Where a savepoint goes, if not to the configured destination.
    destination: Option<String>,
}

pub(super) async fn show(State(admin): State<Admin>) -> Json<Value> {
    let view = admin.checkpoints.view();
    let counts = view.statistics.counts();
    let history: Vec<Value> = view.statistics.history().rev().map(summary).collect();
    let under_way: Vec<Value> = view.under_way.iter().map(under_way).collect();
    Json(json!({
        "destination": view.destination,
        "waits_for": view.waits_for,
        "counts": {
            "completed": counts.completed,
            "failed": counts.failed,
            "in_progress": under_way.len(),
            "checkpointed_size": counts.checkpointed_bytes,
        },
        "latest": {
            "completed": view.statistics.latest_completed().map(summary),
            "savepoint": view.latest_savepoint().map(summary),
            "failed": view.latest_failed().map(summary),
        },
        "retained": view.retained,
        "in_progress": under_way,
        "history": history,
    }))
}

pub(super) async fn make(State(admin): State<Admin>, body: Bytes) -> Result<Json<Value>, Refused> {
    let asked = read(&body).map_err(|why| Refused::new(400, why))?;
    let kind = match asked.kind.as_deref() {
        None | Some("checkpoint") => Kind::Checkpoint,
        Some("savepoint") => Kind::Savepoint,
        Some(other) => {
            let why = format!("kind {other:?}, this version makes a checkpoint or a savepoint");
            return Err(Refused::new(400, why));
        }
    };
    if asked.destination.is_some() && !kind.is_savepoint() {
        let why = "destination is for a savepoint: checkpoints go to checkpoint.destination";
        return Err(Refused::new(400, why));
    }
    let made = admin.checkpoints.trigger(kind, asked.destination).await;
    Ok(Json(summary(&made?)))
}

fn read(body: &[u8]) -> Result<Asked, String> {
    if body.is_empty() {
        return Ok(Asked::default());
    }
    serde_json::from_slice(body).map_err(|error| format!("the body: {error}"))
}

impl From<NoCheckpoint> for Refused {
    fn from(why: NoCheckpoint) -> Self {
        let status = match why {
            NoCheckpoint::NoDestination => 409,
            NoCheckpoint::BadDestination(_) => 400,
            NoCheckpoint::Failed(_) => 500,
            NoCheckpoint::NotYet(_) | NoCheckpoint::Stopping => 503,
        };
        let refused = Refused::new(status, why.to_string());
        if matches!(why, NoCheckpoint::NotYet(_)) {
            return refused.for_now();
        }
        refused
    }
}

fn ms(ns: u64) -> u64 {
    ns / 1_000_000
}

/// The names are those of the attributes of its span.
fn summary(of: &CheckpointSummary) -> Value {
    let duration_ms = of.duration.as_secs_f64() * 1e3;
    let duration_ns = u64::try_from(of.duration.as_nanos()).unwrap_or(u64::MAX);
    json!({
        "checkpointId": of.id,
        "checkpointType": of.kind.name(),
        "checkpointStatus": if of.failure.is_some() { "FAILED" } else { "COMPLETED" },
        "startTs": ms(of.triggered_ns),
        "endTs": ms(of.triggered_ns.saturating_add(duration_ns)),
        "duration_ms": duration_ms,
        "checkpointedSize": of.checkpointed_bytes,
        "fullSize": of.full_bytes,
        "metadataSize": of.metadata_bytes,
        "partitions": of.subtasks,
        "partitions_stored": of.acked,
        "failure_reason": of.failure.as_ref().map(ToString::to_string),
    })
}

fn under_way(of: &UnderWayView) -> Value {
    json!({
        "checkpointId": of.id,
        "checkpointType": of.kind.name(),
        "startTs": ms(of.triggered_ns),
        "partitions_stored": of.acked,
    })
}
