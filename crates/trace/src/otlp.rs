//! OTLP protobuf, written by hand: fields go straight from a [`Span`] into a byte buffer.
//!
//! There are no intermediate structs and no allocation per field. A span is written in one pass: of its own length only
//! the place is left free, those of the messages in it are sums of a few numbers. The bytes are the canonical ones. The
//! field numbers are those of `opentelemetry/proto/trace/v1/trace.proto`, `common/v1/common.proto` and
//! `resource/v1/resource.proto`.

mod attributes;
mod decoder;
mod encoded_span;
mod encoder;
mod fields;
mod wire;

use crate::{Event, KeyValue, Link, Span, SpanKind, Status};
pub use attributes::Attributes;
use attributes::{attributes_len, put_attributes};
pub use decoder::{Malformed, decode_spans};
pub use encoded_span::{EncodedSpan, encoded_spans};
pub use encoder::{AttributeEncoder, EncodedSpans, SpanEncoder, encode_event, encode_name};
use wire::{
    bytes_len, fixed32_len, fixed64_len, message_len, put_bytes, put_fixed32, put_fixed32_of_field_16,
    put_fixed64, put_id8, put_id16, put_message, put_message_head, put_uint, uint_len,
};

/// `Span.flags` and `Link.flags`: bit 9 has a meaning.
const HAS_IS_REMOTE: u32 = 0x100;
/// `Span.flags`: the parent lives in another process.
const IS_REMOTE: u32 = 0x200;

/// `Span.flags` and `Link.flags`: the W3C trace flags.
const TRACE_FLAGS: u32 = 0xff;

/// The field number of `Span.attributes`.
const SPAN_ATTRIBUTES: u8 = 9;
/// The field number of `Event.attributes`.
const EVENT_ATTRIBUTES: u8 = 3;

/// Appends one `ScopeSpans.spans` field: tag, length and the encoded span. Several in a row are the spans of a scope.
pub fn encode_span(span: &Span, out: &mut Vec<u8>) {
    encode_span_with(span, &Attributes::default(), out);
}

/// As [`encode_span`], with `additional` attributes behind the span's own; of a key that the span has, its own counts.
pub fn encode_span_with(span: &Span, additional: &Attributes, out: &mut Vec<u8>) {
    put_message(2, out, |out| put_span(span, additional, out));
}

/// Appends an `ExportTraceServiceRequest` with one resource and one scope around `encoded_spans`, which is a
/// concatenation of what [`encode_span`] wrote for that scope.
pub fn export_request(resource: &[KeyValue], scope: &str, encoded_spans: &[u8], out: &mut Vec<u8>) {
    export_request_of_scopes(resource, &[(scope, encoded_spans)], out);
}

/// As [`export_request`], with any number of scopes: pairs of a name and its encoded spans.
pub fn export_request_of_scopes(resource: &[KeyValue], scopes: &[(&str, &[u8])], out: &mut Vec<u8>) {
    let resource_len = attributes_len(resource);
    let scopes_len: usize = scopes
        .iter()
        .map(|(name, spans)| message_len(scope_spans_len(name, spans)))
        .sum();
    let resource_spans_len = message_len(resource_len) + scopes_len;
    out.reserve(message_len(resource_spans_len));
    put_message_head(1, resource_spans_len, out);
    put_message_head(1, resource_len, out);
    put_attributes(1, resource, out);
    for (name, spans) in scopes {
        put_message_head(2, scope_spans_len(name, spans), out);
        put_message_head(1, bytes_len(name.as_bytes()), out);
        put_bytes(1, name.as_bytes(), out);
        out.extend_from_slice(spans);
    }
}

fn scope_spans_len(name: &str, spans: &[u8]) -> usize {
    message_len(bytes_len(name.as_bytes())) + spans.len()
}

#[inline]
fn put_span(span: &Span, additional: &Attributes, out: &mut Vec<u8>) {
    put_id16(1, span.context.trace_id.0, out);
    put_id8(2, span.context.span_id.0, out);
    put_bytes(3, span.context.trace_state.as_bytes(), out);
    if let Some(parent) = &span.parent {
        put_id8(4, parent.0, out);
    }
    put_bytes(5, span.name.as_bytes(), out);
    put_uint(6, kind_code(span.kind), out);
    put_fixed64(7, span.start_ns, out);
    put_fixed64(8, span.end_ns, out);
    put_attributes(SPAN_ATTRIBUTES, &span.attributes, out);
    additional.put_besides(&span.attributes, out);
    for event in &span.events {
        put_message_head(11, event_len(event), out);
        put_event(event, out);
    }
    put_uint(12, u64::from(span.dropped_events_count), out);
    for link in &span.links {
        put_message_head(13, link_len(link), out);
        put_link(link, out);
    }
    if let Some(len) = status_len(&span.status) {
        put_message_head(15, len, out);
        put_status(&span.status, out);
    }
    put_fixed32_of_field_16(span_flags(span), out);
}

fn event_len(event: &Event) -> usize {
    fixed64_len(event.time_ns) + bytes_len(event.name.as_bytes()) + attributes_len(&event.attributes)
}

fn put_event(event: &Event, out: &mut Vec<u8>) {
    put_fixed64(1, event.time_ns, out);
    put_bytes(2, event.name.as_bytes(), out);
    put_attributes(EVENT_ATTRIBUTES, &event.attributes, out);
}

fn link_len(link: &Link) -> usize {
    18 + 10
        + bytes_len(link.context.trace_state.as_bytes())
        + attributes_len(&link.attributes)
        + fixed32_len(link_flags(link))
}

fn put_link(link: &Link, out: &mut Vec<u8>) {
    put_id16(1, link.context.trace_id.0, out);
    put_id8(2, link.context.span_id.0, out);
    put_bytes(3, link.context.trace_state.as_bytes(), out);
    put_attributes(4, &link.attributes, out);
    put_fixed32(6, link_flags(link), out);
}

/// The length of the status message; `None` when it is left out.
fn status_len(status: &Status) -> Option<usize> {
    match status {
        Status::Unset => None,
        Status::Ok => Some(uint_len(1)),
        Status::Error(message) => Some(bytes_len(message.as_bytes()) + uint_len(2)),
    }
}

fn put_status(status: &Status, out: &mut Vec<u8>) {
    match status {
        Status::Unset => {}
        Status::Ok => put_uint(3, 1, out),
        Status::Error(message) => {
            put_bytes(2, message.as_bytes(), out);
            put_uint(3, 2, out);
        }
    }
}

fn span_flags(span: &Span) -> u32 {
    let remote = if span.parent_is_remote { IS_REMOTE } else { 0 };
    u32::from(span.context.flags) | HAS_IS_REMOTE | remote
}

fn link_flags(link: &Link) -> u32 {
    u32::from(link.context.flags) | HAS_IS_REMOTE
}

fn kind_code(kind: SpanKind) -> u64 {
    match kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    }
}

#[cfg(test)]
mod tests;
