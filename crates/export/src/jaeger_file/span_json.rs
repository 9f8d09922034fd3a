//! One span as the Jaeger UI reads it. Tags for what Jaeger has no field for are those of OpenTelemetry's mapping to
//! formats that are not OTLP.

use std::borrow::Cow;

use everspan_trace::{Event, KeyValue, Link, Span, SpanId, SpanKind, Status, TraceId, Value};
use serde::Serialize;

/// The largest whole number that a JavaScript number holds exactly, on both sides of zero.
const EXACT_INT_MAX: u64 = 1 << 53;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpanJson<'a> {
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
    flags: u8,
    operation_name: &'a str,
    references: Vec<Reference>,
    /// In µs since the epoch, as all times here.
    start_time: u64,
    duration: u64,
    tags: Vec<Tag<'a>>,
    logs: Vec<Log<'a>>,
    #[serde(rename = "processID")]
    process_id: &'a str,
    warnings: Option<Vec<String>>,
}

#[derive(Serialize)]
struct Reference {
    #[serde(rename = "refType")]
    ref_type: &'static str,
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
}

#[derive(Serialize)]
struct Log<'a> {
    timestamp: u64,
    fields: Vec<Tag<'a>>,
}

#[derive(Serialize)]
struct Tag<'a> {
    key: Cow<'a, str>,
    #[serde(rename = "type")]
    tag_type: &'static str,
    value: TagValue<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum TagValue<'a> {
    Text(Cow<'a, str>),
    Int(i64),
    Float(f64),
    Bool(bool),
}

/// The JSON object of a span, on one line.
pub(super) fn span_json(span: &Span, process_id: &str) -> String {
    let start_us = span.start_ns / 1_000;
    let json = SpanJson {
        trace_id: span.context.trace_id.to_string(),
        span_id: span.context.span_id.to_string(),
        flags: span.context.flags,
        operation_name: &span.name,
        references: references(span),
        start_time: start_us,
        // Both ends are rounded alike, so that no span seems to end after one that ended later.
        duration: (span.end_ns / 1_000).saturating_sub(start_us),
        tags: span_tags(span),
        logs: span.events.iter().map(log).collect(),
        process_id,
        warnings: None,
    };
    serde_json::to_string(&json).expect("texts, numbers and lists are JSON")
}

/// Attributes as Jaeger tags.
pub(super) fn tags_json<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> serde_json::Value {
    let tags: Vec<Tag<'_>> = attributes.map(attribute_tag).collect();
    serde_json::to_value(tags).expect("texts, numbers and lists are JSON")
}

/// The parent comes first: Jaeger takes the first reference of a kind that it can.
fn references(span: &Span) -> Vec<Reference> {
    let reference = |ref_type, trace_id: TraceId, span_id: SpanId| Reference {
        ref_type,
        trace_id: trace_id.to_string(),
        span_id: span_id.to_string(),
    };
    let parent = span
        .parent
        .map(|parent| reference("CHILD_OF", span.context.trace_id, parent));
    let links = span
        .links
        .iter()
        .map(|link| reference("FOLLOWS_FROM", link.context.trace_id, link.context.span_id));
    parent.into_iter().chain(links).collect()
}

fn span_tags(span: &Span) -> Vec<Tag<'_>> {
    let mut tags = vec![
        text("span.kind", kind_name(span.kind)),
        text("otel.scope.name", &span.scope),
        // The older name of the same, which the UI still reads.
        text("otel.library.name", &span.scope),
    ];
    match &span.status {
        Status::Unset => {}
        Status::Ok => tags.push(text("otel.status_code", "OK")),
        Status::Error(message) => {
            tags.push(text("otel.status_code", "ERROR"));
            tags.push(text("otel.status_description", message));
            tags.push(tag("error", "bool", TagValue::Bool(true)));
        }
    }
    if !span.context.trace_state.is_empty() {
        tags.push(text("w3c.tracestate", &span.context.trace_state));
    }
    if span.dropped_events_count > 0 {
        let count = TagValue::Int(i64::from(span.dropped_events_count));
        tags.push(tag("otel.dropped_events_count", "int64", count));
    }
    tags.extend(span.attributes.iter().map(attribute_tag));
    tags.extend(span.links.iter().enumerate().flat_map(link_tags));
    tags
}

/// Jaeger's references carry no attributes, so those of link `n` (from 1) are tags of the span.
fn link_tags((index, link): (usize, &Link)) -> impl Iterator<Item = Tag<'_>> {
    link.attributes.iter().map(move |attribute| Tag {
        key: Cow::Owned(format!("everspan.link.{}.{}", index + 1, attribute.key)),
        ..attribute_tag(attribute)
    })
}

fn log(event: &Event) -> Log<'_> {
    let name = text("event", &event.name);
    Log {
        timestamp: event.time_ns / 1_000,
        fields: std::iter::once(name)
            .chain(event.attributes.iter().map(attribute_tag))
            .collect(),
    }
}

fn attribute_tag(attribute: &KeyValue) -> Tag<'_> {
    let key = attribute.key.as_ref();
    match &attribute.value {
        Value::Str(value) => text(key, value),
        Value::Bool(truth) => tag(key, "bool", TagValue::Bool(*truth)),
        Value::Int(number) => tag(key, "int64", int(*number)),
        Value::Double(number) => tag(key, "float64", float(*number)),
    }
}

/// A number where a reader in JavaScript gets it exactly, else its digits.
fn int(number: i64) -> TagValue<'static> {
    if number.unsigned_abs() <= EXACT_INT_MAX {
        TagValue::Int(number)
    } else {
        TagValue::Text(Cow::Owned(number.to_string()))
    }
}

/// JSON has no infinities and no NaN; they are written as JavaScript names them.
fn float(number: f64) -> TagValue<'static> {
    let name = match number {
        _ if number.is_finite() => return TagValue::Float(number),
        _ if number.is_nan() => "NaN",
        _ if number > 0.0 => "Infinity",
        _ => "-Infinity",
    };
    TagValue::Text(Cow::Borrowed(name))
}

fn text<'a>(key: &'a str, value: &'a str) -> Tag<'a> {
    tag(key, "string", TagValue::Text(Cow::Borrowed(value)))
}

fn tag<'a>(key: &'a str, tag_type: &'static str, value: TagValue<'a>) -> Tag<'a> {
    Tag {
        key: Cow::Borrowed(key),
        tag_type,
        value,
    }
}

fn kind_name(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Internal => "internal",
        SpanKind::Server => "server",
        SpanKind::Client => "client",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
    }
}

#[cfg(test)]
mod tests;
