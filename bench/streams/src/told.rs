//! What the job's own spans say of its checkpoints and starts.

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
                "id": of["checkpointId"],
                "status": of["checkpointStatus"],
                "start_ms": span.start_ns / 1_000_000,
                "e2e_ms": milliseconds(span),
                "bytes": of["checkpointedSize"],
                "full_bytes": of["fullSize"],
                "pause_ms_max": of.get("maxSyncCheckpointDurationMs").cloned().unwrap_or(Json::Null),
            })
        })
    }

    pub(crate) fn initializations(&self) -> Json {
        self.each("JobInitialization", |span, of| {
            json!({
                "start_ms": span.start_ns / 1_000_000,
                "duration_ms": milliseconds(span),
                "checkpoint": of.get("checkpointId").cloned().unwrap_or(Json::Null),
                "state_bytes": of.get("fullSize").cloned().unwrap_or(json!(0)),
            })
        })
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
