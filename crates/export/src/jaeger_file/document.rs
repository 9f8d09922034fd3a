//! The text of a file: spans grouped by trace, and the process they come from.

use std::collections::HashMap;

use everspan_trace::{KeyValue, Span, TraceId, Value};
use jiff::Timestamp;
use serde_json::json;
use xxhash_rust::xxh3::xxh3_64;

use super::span_json::{span_json, tags_json};

/// The service name of a resource that has none, as OpenTelemetry asks.
const NO_SERVICE_NAME: &str = "unknown_service";

/// A file that is not written yet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Document {
    pub(super) name: String,
    pub(super) content: String,
}

/// The process that all spans of a file come from. Its id follows from its tags: two files that use one id mean the
/// same process, also after a restart with another version or configuration.
#[derive(Debug)]
pub(super) struct Process {
    id: String,
    /// `{"<id>":{"serviceName":…,"tags":[…]}}`.
    table: String,
}

impl Process {
    pub(super) fn new(resource: &[KeyValue]) -> Self {
        let is_name = |attribute: &&KeyValue| attribute.key == "service.name";
        let name = match resource.iter().find(is_name).map(|attribute| &attribute.value) {
            Some(Value::Str(name)) => name,
            _ => NO_SERVICE_NAME,
        };
        let tags = tags_json(resource.iter().filter(|attribute| !is_name(attribute)));
        let process = json!({ "serviceName": name, "tags": tags });
        let id = format!("p{:08x}", xxh3_64(process.to_string().as_bytes()) >> 32);
        let table = json!({ id.as_str(): process }).to_string();
        Self { id, table }
    }
}

/// As many files as it takes to keep each below `bytes_max`; none for no spans.
pub(super) fn documents(spans: &[Span], process: &Process, bytes_max: u64) -> Vec<Document> {
    let mut whole = Vec::new();
    let mut draft = Draft::default();
    for span in by_trace(spans) {
        let json = span_json(span, &process.id);
        if !draft.is_empty() && draft.len_with(&json, process) as u64 > bytes_max {
            whole.push(std::mem::take(&mut draft).finish(process));
        }
        draft.add(span, &json, process);
    }
    if !draft.is_empty() {
        whole.push(draft.finish(process));
    }
    whole
}

/// Traces in the order of their first span, and the spans of each in their order.
fn by_trace(spans: &[Span]) -> Vec<&Span> {
    let mut ranks = HashMap::new();
    for span in spans {
        let next = ranks.len();
        ranks.entry(span.context.trace_id).or_insert(next);
    }
    let mut sorted: Vec<&Span> = spans.iter().collect();
    sorted.sort_by_key(|span| ranks[&span.context.trace_id]);
    sorted
}

/// A file under construction.
#[derive(Debug, Default)]
struct Draft {
    text: String,
    trace: Option<TraceId>,
    last_end_ns: u64,
}

impl Draft {
    fn is_empty(&self) -> bool {
        self.trace.is_none()
    }

    /// The length of the file with one more span, and a little more: the span may begin a trace.
    fn len_with(&self, json: &str, process: &Process) -> usize {
        const BRACKETS: usize = 200;
        self.text.len() + json.len() + 2 * process.table.len() + BRACKETS
    }

    fn add(&mut self, span: &Span, json: &str, process: &Process) {
        let trace_id = span.context.trace_id;
        if self.trace == Some(trace_id) {
            self.text.push_str(",\n");
        } else {
            self.text
                .push_str(if self.is_empty() { "{\"data\":[" } else { "" });
            if self.trace.is_some() {
                self.end_trace(process);
                self.text.push_str(",\n");
            }
            self.text
                .push_str(&format!("{{\"traceID\":\"{trace_id}\",\"spans\":[\n"));
            self.trace = Some(trace_id);
        }
        self.text.push_str(json);
        self.last_end_ns = self.last_end_ns.max(span.end_ns);
    }

    fn end_trace(&mut self, process: &Process) {
        self.text.push_str(&format!(
            "\n],\"processes\":{},\"warnings\":null}}",
            process.table
        ));
    }

    fn finish(mut self, process: &Process) -> Document {
        self.end_trace(process);
        self.text.push_str("]}\n");
        Document {
            name: file_name(self.last_end_ns, &self.text),
            content: self.text,
        }
    }
}

fn file_name(last_end_ns: u64, content: &str) -> String {
    let micros =
        i64::try_from(last_end_ns / 1_000).expect("a 64-bit number of ns has fewer µs than i64 holds");
    let time = Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX);
    let hash = xxh3_64(content.as_bytes());
    format!("trace-{}-{hash:016x}.json", time.strftime("%Y%m%dT%H%M%S%.6fZ"))
}

#[cfg(test)]
mod tests;
