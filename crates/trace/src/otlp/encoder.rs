//! A span written part by part, straight into its bytes: for who makes so many that a [`Span`](crate::Span) in between
//! is dear. Parts that many spans share are encoded once and copied.
//!
//! ```
//! use everspan_trace::catalog::{self, attr};
//! use everspan_trace::otlp::{EncodedSpans, encode_name};
//! use everspan_trace::{SpanContext, derive_span_id, derive_trace_id};
//!
//! let mut name = Vec::new(); // the same for every span of this handler
//! encode_name("invocation-end Greeter/greet", catalog::END.kind, &mut name);
//!
//! let mut spans = EncodedSpans::new(catalog::END.scope);
//! let context = SpanContext::sampled(derive_trace_id(b"inv_1"), derive_span_id(b"inv_1", 1));
//! let mut span = spans.begin(&context, None, false);
//! span.copy(&name);
//! span.times(1_000, 2_000);
//! span.attributes().text(&attr::INVOCATION_RESULT, "success");
//! span.ok();
//! span.finish();
//! assert_eq!(spans.decode().next().unwrap().name, "invocation-end Greeter/greet");
//! ```

use super::attributes::{ValueRef, put_attribute};
use super::wire::{
    begin_message, bytes_len, end_message, fixed32_len, put_bytes, put_fixed32, put_fixed32_of_field_16,
    put_fixed64, put_id8, put_id16, put_message_head, put_uint,
};
use super::{EVENT_ATTRIBUTES, HAS_IS_REMOTE, IS_REMOTE, SPAN_ATTRIBUTES, kind_code};
use crate::catalog::attr::Key;
use crate::{SpanContext, SpanId, SpanKind, Text};

/// `Span.status`, of a span that succeeded.
const STATUS_OK: [u8; 4] = [15 << 3 | 2, 2, 3 << 3, 1];
/// What a buffer for spans begins with: two of most invocations fit.
const SPANS_BYTES: usize = 2048;

/// Finished spans of one scope, encoded one after another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedSpans {
    scope: &'static str,
    bytes: Vec<u8>,
    count: usize,
}

/// A span in the making. Its parts are written in the order in which the methods stand here, each at most once but for
/// attributes, events and links: then the bytes are those of [`encode_span`](super::encode_span).
#[must_use = "a span ends with `finish`"]
pub struct SpanEncoder<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    flags: u32,
}

/// Where the attributes of a span or event are written.
pub struct AttributeEncoder<'a> {
    out: &'a mut Vec<u8>,
    field: u8,
}

impl EncodedSpans {
    /// None yet.
    pub fn new(scope: &'static str) -> Self {
        Self {
            scope,
            bytes: Vec::new(),
            count: 0,
        }
    }

    /// None yet, in memory that was used before.
    pub fn reusing(scope: &'static str, mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        Self {
            bytes: buffer,
            ..Self::new(scope)
        }
    }

    /// The memory, for the next ones.
    pub fn into_buffer(self) -> Vec<u8> {
        self.bytes
    }

    /// Begins a span; it must be finished.
    pub fn begin(
        &mut self,
        context: &SpanContext,
        parent: Option<SpanId>,
        parent_is_remote: bool,
    ) -> SpanEncoder<'_> {
        if self.bytes.capacity() == 0 {
            self.bytes.reserve_exact(SPANS_BYTES);
        }
        self.count += 1;
        SpanEncoder::begin(&mut self.bytes, context, parent, parent_is_remote)
    }

    /// Their scope.
    pub fn scope(&self) -> &'static str {
        self.scope
    }

    /// The concatenation of what [`encode_span`](super::encode_span) writes for them.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl<'a> SpanEncoder<'a> {
    fn begin(
        out: &'a mut Vec<u8>,
        context: &SpanContext,
        parent: Option<SpanId>,
        parent_is_remote: bool,
    ) -> Self {
        let start = begin_message(2, out);
        put_id16(1, context.trace_id.0, out);
        put_id8(2, context.span_id.0, out);
        put_bytes(3, context.trace_state.as_bytes(), out);
        if let Some(parent) = parent {
            put_id8(4, parent.0, out);
        }
        let remote = if parent_is_remote { IS_REMOTE } else { 0 };
        let flags = u32::from(context.flags) | HAS_IS_REMOTE | remote;
        Self { out, start, flags }
    }

    /// Fields that were encoded before: [`encode_name`] goes here, attributes where attributes go.
    #[inline]
    pub fn copy(&mut self, fields: &[u8]) {
        self.out.extend_from_slice(fields);
    }

    /// Start and end, in nanoseconds since the Unix epoch; an end before the start is taken for the start.
    #[inline]
    pub fn times(&mut self, start_ns: u64, end_ns: u64) {
        put_fixed64(7, start_ns, self.out);
        put_fixed64(8, end_ns.max(start_ns), self.out);
    }

    /// The place of its attributes.
    #[inline]
    pub fn attributes(&mut self) -> AttributeEncoder<'_> {
        AttributeEncoder::of_span(self.out)
    }

    /// An event whose content [`encode_event`] wrote, in `parts`.
    pub fn event(&mut self, parts: &[&[u8]]) {
        put_message_head(11, parts.iter().map(|part| part.len()).sum(), self.out);
        for part in parts {
            self.out.extend_from_slice(part);
        }
    }

    /// How many events were left out because the span was full.
    pub fn dropped_events(&mut self, count: u32) {
        put_uint(12, u64::from(count), self.out);
    }

    /// A pointer to a span that is related, but is not the parent.
    pub fn link(&mut self, context: &SpanContext) {
        let flags = u32::from(context.flags) | HAS_IS_REMOTE;
        let state = context.trace_state.as_bytes();
        put_message_head(13, 18 + 10 + bytes_len(state) + fixed32_len(flags), self.out);
        put_id16(1, context.trace_id.0, self.out);
        put_id8(2, context.span_id.0, self.out);
        put_bytes(3, state, self.out);
        put_fixed32(6, flags, self.out);
    }

    /// It succeeded.
    pub fn ok(&mut self) {
        self.out.extend_from_slice(&STATUS_OK);
    }

    /// It failed, and why.
    pub fn error(&mut self, message: &str) {
        put_message_head(15, bytes_len(message.as_bytes()) + 2, self.out);
        put_bytes(2, message.as_bytes(), self.out);
        put_uint(3, 2, self.out);
    }

    /// All of it is written.
    #[inline]
    pub fn finish(self) {
        put_fixed32_of_field_16(self.flags, self.out);
        end_message(self.start, self.out);
    }
}

impl<'a> AttributeEncoder<'a> {
    /// For attributes of a span, to be copied later.
    pub fn of_span(out: &'a mut Vec<u8>) -> Self {
        let field = SPAN_ATTRIBUTES;
        Self { out, field }
    }

    /// For attributes of an event, to be copied behind its content.
    pub fn of_event(out: &'a mut Vec<u8>) -> Self {
        let field = EVENT_ATTRIBUTES;
        Self { out, field }
    }

    /// An attribute that is text.
    #[inline]
    pub fn text(&mut self, key: &Key<Text>, value: &str) {
        put_attribute(self.field, key.name, ValueRef::Str(value), self.out);
    }

    /// A whole number.
    #[inline]
    pub fn int(&mut self, key: &Key<i64>, value: impl Into<i64>) {
        put_attribute(self.field, key.name, ValueRef::Int(value.into()), self.out);
    }

    /// A floating-point number.
    #[inline]
    pub fn double(&mut self, key: &Key<f64>, value: f64) {
        put_attribute(self.field, key.name, ValueRef::Double(value), self.out);
    }

    /// True or false.
    #[inline]
    pub fn truth(&mut self, key: &Key<bool>, value: bool) {
        put_attribute(self.field, key.name, ValueRef::Bool(value), self.out);
    }
}

/// Appends name and kind of a span, for [`SpanEncoder::copy`].
pub fn encode_name(name: &str, kind: SpanKind, out: &mut Vec<u8>) {
    put_bytes(5, name.as_bytes(), out);
    put_uint(6, kind_code(kind), out);
}

/// Appends the content of an event, for [`SpanEncoder::event`]; its attributes come behind it.
#[inline]
pub fn encode_event<'a>(time_ns: u64, name: &str, out: &'a mut Vec<u8>) -> AttributeEncoder<'a> {
    put_fixed64(1, time_ns, out);
    put_bytes(2, name.as_bytes(), out);
    AttributeEncoder::of_event(out)
}

#[cfg(test)]
mod tests;
