//! The same span in the types that are generated from the protobuf definitions.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as ProtoValue;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue as ProtoKeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1 as proto;

use crate::{KeyValue, Span, SpanKind, Status, Value};

pub(super) fn request(resource: &[KeyValue], scopes: &[(&str, &[Span])]) -> ExportTraceServiceRequest {
    let scope_spans = |(name, spans): &(&str, &[Span])| proto::ScopeSpans {
        scope: Some(InstrumentationScope {
            name: (*name).to_owned(),
            ..Default::default()
        }),
        spans: spans.iter().map(span).collect(),
        schema_url: String::new(),
    };
    ExportTraceServiceRequest {
        resource_spans: vec![proto::ResourceSpans {
            resource: Some(Resource {
                attributes: attributes(resource),
                ..Default::default()
            }),
            scope_spans: scopes.iter().map(scope_spans).collect(),
            schema_url: String::new(),
        }],
    }
}

pub(super) fn span(span: &Span) -> proto::Span {
    proto::Span {
        trace_id: span.context.trace_id.0.to_vec(),
        span_id: span.context.span_id.0.to_vec(),
        trace_state: span.context.trace_state.clone(),
        parent_span_id: span.parent.map(|id| id.0.to_vec()).unwrap_or_default(),
        flags: u32::from(span.context.flags) | 0x100 | if span.parent_is_remote { 0x200 } else { 0 },
        name: span.name.to_string(),
        kind: kind(span.kind).into(),
        start_time_unix_nano: span.start_ns,
        end_time_unix_nano: span.end_ns,
        attributes: attributes(&span.attributes),
        dropped_attributes_count: 0,
        events: span.events.iter().map(event).collect(),
        dropped_events_count: span.dropped_events_count,
        links: span.links.iter().map(link).collect(),
        dropped_links_count: 0,
        status: status(&span.status),
    }
}

fn kind(kind: SpanKind) -> proto::span::SpanKind {
    match kind {
        SpanKind::Internal => proto::span::SpanKind::Internal,
        SpanKind::Server => proto::span::SpanKind::Server,
        SpanKind::Client => proto::span::SpanKind::Client,
        SpanKind::Producer => proto::span::SpanKind::Producer,
        SpanKind::Consumer => proto::span::SpanKind::Consumer,
    }
}

fn event(event: &crate::Event) -> proto::span::Event {
    proto::span::Event {
        time_unix_nano: event.time_ns,
        name: event.name.to_string(),
        attributes: attributes(&event.attributes),
        dropped_attributes_count: 0,
    }
}

fn link(link: &crate::Link) -> proto::span::Link {
    proto::span::Link {
        trace_id: link.context.trace_id.0.to_vec(),
        span_id: link.context.span_id.0.to_vec(),
        trace_state: link.context.trace_state.clone(),
        attributes: attributes(&link.attributes),
        dropped_attributes_count: 0,
        flags: u32::from(link.context.flags) | 0x100,
    }
}

fn status(status: &Status) -> Option<proto::Status> {
    let (code, message) = match status {
        Status::Unset => return None,
        Status::Ok => (proto::status::StatusCode::Ok, String::new()),
        Status::Error(message) => (proto::status::StatusCode::Error, message.clone()),
    };
    Some(proto::Status {
        message,
        code: code.into(),
    })
}

fn attributes(attributes: &[KeyValue]) -> Vec<ProtoKeyValue> {
    attributes.iter().map(attribute).collect()
}

fn attribute(attribute: &KeyValue) -> ProtoKeyValue {
    let value = match &attribute.value {
        Value::Str(text) => ProtoValue::StringValue(text.to_string()),
        Value::Int(number) => ProtoValue::IntValue(*number),
        Value::Double(number) => ProtoValue::DoubleValue(*number),
        Value::Bool(truth) => ProtoValue::BoolValue(*truth),
    };
    ProtoKeyValue {
        key: attribute.key.to_string(),
        value: Some(AnyValue { value: Some(value) }),
        ..Default::default()
    }
}
