//! Encoded spans back into spans, for destinations that do not speak OTLP.
//!
//! What comes in was written by `everspan_trace::otlp::encode_span`, perhaps by an earlier version and perhaps a while
//! ago, from the spool. A span that cannot be read costs itself only, and attribute values of a kind that
//! [`everspan_trace::Value`] does not have become text.

mod fields;
mod value;

use everspan_trace::{Event, KeyValue, Link, Span, SpanContext, SpanId, SpanKind, Status, TraceId};
use opentelemetry_proto::tonic::common::v1::KeyValue as ProtoKeyValue;
use opentelemetry_proto::tonic::trace::v1 as proto;
use proto::span::SpanKind as ProtoKind;
use proto::status::StatusCode;

use crate::Batch;
use fields::SpanFields;

/// `Span.flags` has the W3C flags in its lowest byte.
const TRACE_FLAGS: u32 = 0xff;
/// `Span.flags`: the parent lives in another process.
const IS_REMOTE: u32 = 0x200;

/// What could be read of a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decoded {
    /// The spans, per scope in the order in which they ended.
    pub spans: Vec<Span>,
    /// How many spans of the batch could not be read.
    pub unreadable: u64,
    /// Why the first of them could not.
    pub why: Option<String>,
}

/// Reads all spans of a batch.
pub fn decode(batch: &Batch) -> Decoded {
    let mut decoded = Decoded::default();
    for (scope, encoded) in batch.scopes() {
        for field in SpanFields::new(encoded) {
            match field.and_then(|bytes| decode_span(scope, bytes)) {
                Ok(span) => decoded.spans.push(span),
                Err(why) => {
                    decoded.why.get_or_insert(why);
                }
            }
        }
    }
    decoded.unreadable = (batch.spans() as u64).saturating_sub(decoded.spans.len() as u64);
    decoded
}

/// Reads one span: the content of one `ScopeSpans.spans` field.
fn decode_span(scope: &str, bytes: &[u8]) -> Result<Span, String> {
    let span: proto::Span = prost::Message::decode(bytes)
        .map_err(|error| format!("a span of `{scope}` is unreadable: {error}"))?;
    let kind = kind(span.kind());
    let dropped = [
        ("otel.dropped_attributes_count", span.dropped_attributes_count),
        ("otel.dropped_links_count", span.dropped_links_count),
    ];
    let dropped = dropped.into_iter().filter(|(_, count)| *count > 0);
    let mut attributes = attributes(span.attributes);
    attributes.extend(dropped.map(|(key, count)| KeyValue::new(key, count)));
    Ok(Span {
        scope: scope.to_owned().into(),
        name: span.name.into(),
        kind,
        context: context(&span.trace_id, &span.span_id, span.flags, span.trace_state)?,
        parent: parent(&span.parent_span_id)?,
        parent_is_remote: span.flags & IS_REMOTE != 0,
        start_ns: span.start_time_unix_nano,
        end_ns: span.end_time_unix_nano,
        attributes,
        events: span.events.into_iter().map(event).collect(),
        dropped_events_count: span.dropped_events_count,
        links: span.links.into_iter().map(link).collect::<Result<_, _>>()?,
        status: status(span.status),
    })
}

fn context(trace_id: &[u8], span_id: &[u8], flags: u32, trace_state: String) -> Result<SpanContext, String> {
    Ok(SpanContext {
        trace_id: TraceId(id("trace id", trace_id)?),
        span_id: SpanId(id("span id", span_id)?),
        flags: u8::try_from(flags & TRACE_FLAGS).expect("the mask leaves one byte"),
        trace_state,
    })
}

fn parent(span_id: &[u8]) -> Result<Option<SpanId>, String> {
    if span_id.is_empty() {
        return Ok(None);
    }
    id("parent span id", span_id).map(|bytes| Some(SpanId(bytes)))
}

fn id<const N: usize>(what: &str, bytes: &[u8]) -> Result<[u8; N], String> {
    bytes
        .try_into()
        .map_err(|_| format!("a {what} has {} bytes, not {N}", bytes.len()))
}

fn kind(kind: ProtoKind) -> SpanKind {
    match kind {
        ProtoKind::Unspecified | ProtoKind::Internal => SpanKind::Internal,
        ProtoKind::Server => SpanKind::Server,
        ProtoKind::Client => SpanKind::Client,
        ProtoKind::Producer => SpanKind::Producer,
        ProtoKind::Consumer => SpanKind::Consumer,
    }
}

fn status(status: Option<proto::Status>) -> Status {
    let Some(status) = status else {
        return Status::Unset;
    };
    match status.code() {
        StatusCode::Unset => Status::Unset,
        StatusCode::Ok => Status::Ok,
        StatusCode::Error => Status::Error(status.message),
    }
}

fn event(event: proto::span::Event) -> Event {
    Event {
        time_ns: event.time_unix_nano,
        name: event.name.into(),
        attributes: attributes(event.attributes),
    }
}

fn link(link: proto::span::Link) -> Result<Link, String> {
    Ok(Link {
        context: context(&link.trace_id, &link.span_id, link.flags, link.trace_state)?,
        attributes: attributes(link.attributes),
    })
}

fn attributes(attributes: Vec<ProtoKeyValue>) -> Vec<KeyValue> {
    attributes
        .into_iter()
        .map(|attribute| KeyValue::new(attribute.key, value::from_proto(attribute.value)))
        .collect()
}

#[cfg(test)]
pub(crate) mod arbitrary;
#[cfg(test)]
mod tests;
