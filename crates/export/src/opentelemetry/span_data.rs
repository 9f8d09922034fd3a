//! Spans in the types of the OpenTelemetry SDK.

use std::borrow::Cow;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use everspan_trace::{Event, KeyValue, Link, Span, SpanContext, SpanKind, Status, Text, Value};
use opentelemetry::trace as otel;
use opentelemetry::{InstrumentationScope, Key, KeyValue as OtelKeyValue, StringValue, Value as OtelValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

pub(super) fn span(span: Span) -> SpanData {
    let mut events = SpanEvents::default();
    events.events = span.events.into_iter().map(event).collect();
    events.dropped_count = span.dropped_events_count;
    let mut links = SpanLinks::default();
    links.links = span.links.into_iter().map(link).collect();
    SpanData {
        span_context: context(&span.context),
        parent_span_id: span
            .parent
            .map_or(otel::SpanId::INVALID, |parent| otel::SpanId::from_bytes(parent.0)),
        parent_span_is_remote: span.parent_is_remote,
        span_kind: kind(span.kind),
        name: span.name.into(),
        start_time: time(span.start_ns),
        end_time: time(span.end_ns),
        attributes: span.attributes.iter().map(attribute).collect(),
        dropped_attributes_count: 0,
        events,
        links,
        status: status(span.status),
        instrumentation_scope: InstrumentationScope::builder(span.scope).build(),
    }
}

pub(super) fn attribute(attribute: &KeyValue) -> OtelKeyValue {
    let value = match &attribute.value {
        Value::Str(text) => OtelValue::String(match text {
            Text::Static(text) => StringValue::from(*text),
            Text::Owned(text) => StringValue::from(text.clone()),
            Text::Shared(text) => StringValue::from(text.clone()),
        }),
        Value::Int(number) => OtelValue::I64(*number),
        Value::Double(number) => OtelValue::F64(*number),
        Value::Bool(truth) => OtelValue::Bool(*truth),
    };
    OtelKeyValue::new(Key::from(attribute.key.clone().into_owned()), value)
}

fn event(event: Event) -> otel::Event {
    let attributes = event.attributes.iter().map(attribute).collect();
    otel::Event::new(Cow::from(event.name), time(event.time_ns), attributes, 0)
}

fn link(link: Link) -> otel::Link {
    let attributes = link.attributes.iter().map(attribute).collect();
    otel::Link::new(context(&link.context), attributes, 0)
}

/// A trace state that the SDK does not accept is left out.
fn context(context: &SpanContext) -> otel::SpanContext {
    otel::SpanContext::new(
        otel::TraceId::from_bytes(context.trace_id.0),
        otel::SpanId::from_bytes(context.span_id.0),
        otel::TraceFlags::new(context.flags),
        false,
        otel::TraceState::from_str(&context.trace_state).unwrap_or_default(),
    )
}

fn kind(kind: SpanKind) -> otel::SpanKind {
    match kind {
        SpanKind::Internal => otel::SpanKind::Internal,
        SpanKind::Server => otel::SpanKind::Server,
        SpanKind::Client => otel::SpanKind::Client,
        SpanKind::Producer => otel::SpanKind::Producer,
        SpanKind::Consumer => otel::SpanKind::Consumer,
    }
}

fn status(status: Status) -> otel::Status {
    match status {
        Status::Unset => otel::Status::Unset,
        Status::Ok => otel::Status::Ok,
        Status::Error(message) => otel::Status::error(message),
    }
}

fn time(ns: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(ns)
}
