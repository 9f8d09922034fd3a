//! A received span, as plain data: what the tree shows of it.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as ProtoValue;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1 as otlp;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

/// A span.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ShownSpan {
    /// 16 bytes.
    pub(crate) trace_id: Vec<u8>,
    /// 8 bytes.
    pub(crate) span_id: Vec<u8>,
    /// 8 bytes; empty for a root.
    pub(crate) parent_id: Vec<u8>,
    pub(crate) name: String,
    /// ns since the epoch.
    pub(crate) start_ns: u64,
    /// ns since the epoch.
    pub(crate) end_ns: u64,
    /// The message of the status ERROR; `None` for the other statuses.
    pub(crate) error: Option<String>,
    pub(crate) attributes: Attributes,
    pub(crate) events: Vec<ShownEvent>,
}

/// An event on a span.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ShownEvent {
    pub(crate) name: String,
    /// ns since the epoch.
    pub(crate) time_ns: u64,
    pub(crate) attributes: Attributes,
}

/// Attributes, every value as text.
pub(crate) type Attributes = BTreeMap<String, String>;

impl ShownSpan {
    /// An attribute; empty when there is none.
    pub(crate) fn attribute(&self, key: &str) -> &str {
        self.attributes.get(key).map_or("", String::as_str)
    }

    /// Lower-case hex digits of the trace id.
    pub(crate) fn trace(&self) -> String {
        self.trace_id.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// All spans of a request.
pub(crate) fn received(request: ExportTraceServiceRequest) -> Vec<ShownSpan> {
    let scopes = request
        .resource_spans
        .into_iter()
        .flat_map(|resource| resource.scope_spans);
    scopes.flat_map(|scope| scope.spans).map(shown).collect()
}

fn shown(span: otlp::Span) -> ShownSpan {
    let error = span.status.filter(|status| status.code() == StatusCode::Error);
    ShownSpan {
        trace_id: span.trace_id,
        span_id: span.span_id,
        parent_id: span.parent_span_id,
        name: span.name,
        start_ns: span.start_time_unix_nano,
        end_ns: span.end_time_unix_nano,
        error: error.map(|status| status.message),
        attributes: texts(span.attributes),
        events: span
            .events
            .into_iter()
            .map(|event| ShownEvent {
                name: event.name,
                time_ns: event.time_unix_nano,
                attributes: texts(event.attributes),
            })
            .collect(),
    }
}

fn texts(attributes: Vec<KeyValue>) -> Attributes {
    attributes
        .into_iter()
        .map(|attribute| (attribute.key, attribute.value.map(value).unwrap_or_default()))
        .collect()
}

fn value(value: AnyValue) -> String {
    match value.value {
        Some(ProtoValue::StringValue(text)) => text,
        Some(ProtoValue::BoolValue(truth)) => truth.to_string(),
        Some(ProtoValue::IntValue(number)) => number.to_string(),
        Some(ProtoValue::DoubleValue(number)) => number.to_string(),
        Some(other) => format!("{other:?}"),
        None => String::new(),
    }
}
