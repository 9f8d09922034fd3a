//! What a run tells of itself: its own spans of checkpoints and starts, and its memory.

use std::sync::{Mutex, PoisonError};

use everspan_trace::{Span, SpanReceiver, Value};
use serde_json::{Map, Value as Json, json};

/// Keeps the spans of a run.
#[derive(Default)]
pub(crate) struct Told(Mutex<Vec<Span>>);

impl SpanReceiver for Told {
    fn add(&self, span: Span) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(span);
    }
}

impl Told {
    pub(crate) fn checkpoints(&self) -> Json {
        self.each("Checkpoint", |span, of| {
            json!({
                "id": of.get("checkpointId"),
                "status": of.get("checkpointStatus"),
                "start_ms": span.start_ns / 1_000_000,
                "e2e_ms": milliseconds(span),
                "bytes": of.get("checkpointedSize"),
                "full_bytes": of.get("fullSize"),
                "pause_ms_max": of.get("maxSyncCheckpointDurationMs"),
            })
        })
    }

    pub(crate) fn initializations(&self) -> Json {
        self.each("JobInitialization", |span, of| {
            json!({
                "start_ms": span.start_ns / 1_000_000,
                "duration_ms": milliseconds(span),
                "checkpoint": of.get("checkpointId"),
                "state_bytes": of.get("fullSize").unwrap_or(&json!(0)),
            })
        })
    }

    /// How many checkpoints have completed.
    pub(crate) fn completed_checkpoints(&self) -> u64 {
        let completed = |span: &&Span| {
            span.name == "Checkpoint" && attributes(span).get("checkpointStatus") == Some(&json!("COMPLETED"))
        };
        let spans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        spans.iter().filter(completed).count() as u64
    }

    fn each(&self, name: &str, tell: impl Fn(&Span, &Map<String, Json>) -> Json) -> Json {
        let spans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let named = spans.iter().filter(|span| span.name == name);
        named.map(|span| tell(span, &attributes(span))).collect()
    }
}

fn milliseconds(span: &Span) -> f64 {
    (span.end_ns - span.start_ns) as f64 / 1e6
}

fn attributes(span: &Span) -> Map<String, Json> {
    let attributes = span.attributes.iter().map(|attribute| {
        let value = match &attribute.value {
            Value::Int(number) => json!(number),
            Value::Bool(flag) => json!(flag),
            Value::Double(number) => json!(number),
            Value::Str(text) => json!(text.to_string()),
        };
        (attribute.key.to_string(), value)
    });
    attributes.collect()
}

/// The most memory the process had, MB.
pub(crate) fn rss_mb_max() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes / 1024)
}
