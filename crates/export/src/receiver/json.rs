//! A received span as one line of JSON.

use std::fmt::Write;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as ProtoValue;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::{Span, Status, status::StatusCode};
use serde_json::{Map, Value, json};

/// One object per span, in the order of the request. `recv_ns` is when it was received, in nanoseconds since the epoch.
pub fn spans(request: &ExportTraceServiceRequest, recv_ns: u64) -> Vec<Value> {
    let mut spans = Vec::new();
    for resource_spans in &request.resource_spans {
        let resource = resource_spans
            .resource
            .as_ref()
            .map(|resource| attributes(&resource.attributes));
        for scope_spans in &resource_spans.scope_spans {
            let scope = scope_spans.scope.as_ref().map_or("", |scope| &scope.name);
            for received in &scope_spans.spans {
                let mut object = span(received);
                object["resource"] = resource.clone().unwrap_or_else(|| json!({}));
                object["scope"] = json!(scope);
                object["recv_ns"] = json!(recv_ns);
                spans.push(object);
            }
        }
    }
    spans
}

fn span(span: &Span) -> Value {
    json!({
        "name": span.name,
        "kind": kind(span),
        "trace_id": hex(&span.trace_id),
        "span_id": hex(&span.span_id),
        "parent_span_id": hex(&span.parent_span_id),
        "trace_state": span.trace_state,
        "flags": span.flags,
        "start_ns": span.start_time_unix_nano,
        "end_ns": span.end_time_unix_nano,
        "attributes": attributes(&span.attributes),
        "events": span.events.iter().map(event).collect::<Vec<_>>(),
        "dropped_events": span.dropped_events_count,
        "links": span.links.iter().map(link).collect::<Vec<_>>(),
        "status": status(span.status.as_ref()),
    })
}

fn kind(span: &Span) -> &'static str {
    span.kind()
        .as_str_name()
        .strip_prefix("SPAN_KIND_")
        .unwrap_or(SpanKind::Unspecified.as_str_name())
}

fn event(event: &Event) -> Value {
    json!({
        "name": event.name,
        "time_ns": event.time_unix_nano,
        "attributes": attributes(&event.attributes),
    })
}

fn link(link: &Link) -> Value {
    json!({
        "trace_id": hex(&link.trace_id),
        "span_id": hex(&link.span_id),
        "trace_state": link.trace_state,
        "flags": link.flags,
        "attributes": attributes(&link.attributes),
    })
}

fn status(status: Option<&Status>) -> Value {
    let code = match status.map(Status::code) {
        None | Some(StatusCode::Unset) => "UNSET",
        Some(StatusCode::Ok) => "OK",
        Some(StatusCode::Error) => "ERROR",
    };
    json!({ "code": code, "message": status.map_or("", |status| &status.message) })
}

fn attributes(attributes: &[KeyValue]) -> Value {
    let object: Map<String, Value> = attributes
        .iter()
        .map(|attribute| (attribute.key.clone(), any(attribute.value.as_ref())))
        .collect();
    Value::Object(object)
}

fn any(value: Option<&AnyValue>) -> Value {
    match value.and_then(|value| value.value.as_ref()) {
        None => Value::Null,
        Some(ProtoValue::StringValue(text)) => json!(text),
        Some(ProtoValue::BoolValue(truth)) => json!(truth),
        Some(ProtoValue::IntValue(number)) => json!(number),
        Some(ProtoValue::DoubleValue(number)) => json!(number),
        Some(ProtoValue::ArrayValue(array)) => array.values.iter().map(|value| any(Some(value))).collect(),
        Some(ProtoValue::KvlistValue(list)) => attributes(&list.values),
        Some(ProtoValue::BytesValue(bytes)) => json!(hex(bytes)),
        Some(ProtoValue::StringValueStrindex(index)) => json!(index),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes any text");
        text
    })
}
