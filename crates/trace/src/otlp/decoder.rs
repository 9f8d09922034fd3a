//! Encoded spans back into [`Span`]s: for filters that look at attributes, for reporters that are no collectors, and for
//! tests. It reads what this library writes; unknown fields are passed over.

use std::fmt;

use super::encoder::EncodedSpans;
use super::fields::{Content, Fields};
use super::{IS_REMOTE, TRACE_FLAGS};
use crate::{Event, KeyValue, Link, Span, SpanContext, SpanId, SpanKind, Status, TraceId, Value};

/// Bytes that are no span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// What cannot be read.
    what: &'static str,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} of an encoded span cannot be read", self.what)
    }
}

impl std::error::Error for Malformed {}

impl EncodedSpans {
    /// The spans themselves, in order.
    pub fn decode(&self) -> impl Iterator<Item = Span> + '_ {
        decode_spans(self.scope(), self.bytes())
            .map(|span| span.expect("what was encoded here can be decoded"))
    }
}

/// Reads a concatenation of what [`encode_span`](super::encode_span) wrote. A span that is malformed is an error in its
/// place; nothing is read behind a frame that is.
pub fn decode_spans<'a>(
    scope: &'a str,
    encoded: &'a [u8],
) -> impl Iterator<Item = Result<Span, Malformed>> + 'a {
    Fields::new(encoded).map(move |field| match field {
        Some((2, Content::Bytes(span))) => decode_span(scope, span),
        _ => Err(malformed("frame")),
    })
}

pub(super) fn decode_span(scope: &str, bytes: &[u8]) -> Result<Span, Malformed> {
    let mut context = Context::default();
    let mut span = Span {
        scope: scope.to_owned().into(),
        name: "".into(),
        kind: SpanKind::Internal,
        context: SpanContext::sampled(TraceId([0; 16]), SpanId([0; 8])),
        parent: None,
        parent_is_remote: false,
        start_ns: 0,
        end_ns: 0,
        attributes: Vec::new(),
        events: Vec::new(),
        dropped_events_count: 0,
        links: Vec::new(),
        status: Status::Unset,
    };
    for field in Fields::new(bytes) {
        match field.ok_or(malformed("content"))? {
            (5, Content::Bytes(name)) => span.name = text(name, "name")?.into(),
            (6, Content::Varint(code)) => span.kind = kind(code),
            (7, Content::Fixed64(start_ns)) => span.start_ns = start_ns,
            (8, Content::Fixed64(end_ns)) => span.end_ns = end_ns,
            (4, Content::Bytes(parent)) => span.parent = Some(SpanId(id(parent, "parent span id")?)),
            (9, Content::Bytes(attribute)) => span.attributes.push(decode_attribute(attribute)?),
            (11, Content::Bytes(event)) => span.events.push(decode_event(event)?),
            (12, Content::Varint(count)) => {
                span.dropped_events_count = u32::try_from(count).unwrap_or(u32::MAX);
            }
            (13, Content::Bytes(link)) => span.links.push(decode_link(link)?),
            (15, Content::Bytes(status)) => span.status = decode_status(status)?,
            (16, Content::Fixed32(flags)) => {
                context.flags = flags;
                span.parent_is_remote = flags & IS_REMOTE != 0;
            }
            (number, content) => context.take(number, content)?,
        }
    }
    span.context = context.whole()?;
    Ok(span)
}

/// The fields that spans and links have in common.
#[derive(Default)]
struct Context {
    trace_id: Option<TraceId>,
    span_id: Option<SpanId>,
    trace_state: String,
    flags: u32,
}

impl Context {
    fn take(&mut self, number: u64, content: Content<'_>) -> Result<(), Malformed> {
        match (number, content) {
            (1, Content::Bytes(bytes)) => self.trace_id = Some(TraceId(id(bytes, "trace id")?)),
            (2, Content::Bytes(bytes)) => self.span_id = Some(SpanId(id(bytes, "span id")?)),
            (3, Content::Bytes(bytes)) => self.trace_state = text(bytes, "trace state")?,
            _ => {}
        }
        Ok(())
    }

    fn whole(self) -> Result<SpanContext, Malformed> {
        Ok(SpanContext {
            trace_id: self.trace_id.ok_or(malformed("trace id"))?,
            span_id: self.span_id.ok_or(malformed("span id"))?,
            flags: u8::try_from(self.flags & TRACE_FLAGS).expect("the mask leaves one byte"),
            trace_state: self.trace_state,
        })
    }
}

fn decode_attribute(bytes: &[u8]) -> Result<KeyValue, Malformed> {
    let (mut key, mut value) = (String::new(), Value::from(""));
    for field in Fields::new(bytes) {
        match field.ok_or(malformed("attribute"))? {
            (1, Content::Bytes(bytes)) => key = text(bytes, "attribute key")?,
            (2, Content::Bytes(bytes)) => value = decode_value(bytes)?,
            _ => {}
        }
    }
    Ok(KeyValue::new(key, value))
}

fn decode_value(bytes: &[u8]) -> Result<Value, Malformed> {
    let field = Fields::new(bytes).next().flatten();
    match field.ok_or(malformed("attribute value"))? {
        (1, Content::Bytes(bytes)) => Ok(text(bytes, "attribute value")?.into()),
        (2, Content::Varint(truth)) => Ok(Value::Bool(truth != 0)),
        (3, Content::Varint(number)) => Ok(Value::Int(number.cast_signed())),
        (4, Content::Fixed64(bits)) => Ok(Value::Double(f64::from_bits(bits))),
        _ => Err(malformed("attribute value")),
    }
}

fn decode_event(bytes: &[u8]) -> Result<Event, Malformed> {
    let mut event = Event {
        time_ns: 0,
        name: "".into(),
        attributes: Vec::new(),
    };
    for field in Fields::new(bytes) {
        match field.ok_or(malformed("event"))? {
            (1, Content::Fixed64(time_ns)) => event.time_ns = time_ns,
            (2, Content::Bytes(name)) => event.name = text(name, "event name")?.into(),
            (3, Content::Bytes(attribute)) => event.attributes.push(decode_attribute(attribute)?),
            _ => {}
        }
    }
    Ok(event)
}

fn decode_link(bytes: &[u8]) -> Result<Link, Malformed> {
    let mut context = Context::default();
    let mut attributes = Vec::new();
    for field in Fields::new(bytes) {
        match field.ok_or(malformed("link"))? {
            (4, Content::Bytes(attribute)) => attributes.push(decode_attribute(attribute)?),
            (6, Content::Fixed32(flags)) => context.flags = flags,
            (number, content) => context.take(number, content)?,
        }
    }
    Ok(Link {
        context: context.whole()?,
        attributes,
    })
}

fn decode_status(bytes: &[u8]) -> Result<Status, Malformed> {
    let (mut code, mut message) = (0, String::new());
    for field in Fields::new(bytes) {
        match field.ok_or(malformed("status"))? {
            (2, Content::Bytes(bytes)) => message = text(bytes, "status message")?,
            (3, Content::Varint(number)) => code = number,
            _ => {}
        }
    }
    Ok(match code {
        1 => Status::Ok,
        2 => Status::Error(message),
        _ => Status::Unset,
    })
}

fn kind(code: u64) -> SpanKind {
    match code {
        2 => SpanKind::Server,
        3 => SpanKind::Client,
        4 => SpanKind::Producer,
        5 => SpanKind::Consumer,
        _ => SpanKind::Internal,
    }
}

fn id<const N: usize>(bytes: &[u8], what: &'static str) -> Result<[u8; N], Malformed> {
    bytes.try_into().map_err(|_| malformed(what))
}

fn text(bytes: &[u8], what: &'static str) -> Result<String, Malformed> {
    String::from_utf8(bytes.to_vec()).map_err(|_| malformed(what))
}

fn malformed(what: &'static str) -> Malformed {
    Malformed { what }
}
