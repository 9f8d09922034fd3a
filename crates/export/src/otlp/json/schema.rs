//! The messages of OTLP traces: field numbers of `opentelemetry-proto`, names of its JSON form.

/// The fields of a message, in the order in which they are written.
pub(super) struct Message(pub(super) &'static [Field]);

pub(super) struct Field {
    pub(super) number: u32,
    pub(super) name: &'static str,
    pub(super) shape: Shape,
}

/// How a value is written.
pub(super) enum Shape {
    Text,
    /// A text that is written also when it is empty: decoders in use refuse an attribute without a key.
    Key,
    /// Bytes as hexadecimal digits.
    Hex,
    Bool,
    /// An enum or a number of 32 bits.
    Number,
    /// A string of digits.
    Unsigned64,
    /// A string of digits, perhaps with a sign.
    Signed64,
    Double,
    Message(&'static Message),
    Repeated(&'static Message),
}

use Shape::{Bool, Double, Hex, Key, Number, Repeated, Signed64, Text, Unsigned64};

const fn field(number: u32, name: &'static str, shape: Shape) -> Field {
    Field { number, name, shape }
}

/// `ExportTraceServiceRequest`.
pub(super) static REQUEST: Message = Message(&[field(1, "resourceSpans", Repeated(&RESOURCE_SPANS))]);

static RESOURCE_SPANS: Message = Message(&[
    field(1, "resource", Shape::Message(&RESOURCE)),
    field(2, "scopeSpans", Repeated(&SCOPE_SPANS)),
]);

static RESOURCE: Message = Message(&[field(1, "attributes", Repeated(&KEY_VALUE))]);

static SCOPE_SPANS: Message = Message(&[
    field(1, "scope", Shape::Message(&SCOPE)),
    field(2, "spans", Repeated(&SPAN)),
]);

static SCOPE: Message = Message(&[field(1, "name", Text), field(2, "version", Text)]);

static SPAN: Message = Message(&[
    field(1, "traceId", Hex),
    field(2, "spanId", Hex),
    field(3, "traceState", Text),
    field(4, "parentSpanId", Hex),
    field(5, "name", Text),
    field(6, "kind", Number),
    field(7, "startTimeUnixNano", Unsigned64),
    field(8, "endTimeUnixNano", Unsigned64),
    field(9, "attributes", Repeated(&KEY_VALUE)),
    field(10, "droppedAttributesCount", Number),
    field(11, "events", Repeated(&EVENT)),
    field(12, "droppedEventsCount", Number),
    field(13, "links", Repeated(&LINK)),
    field(14, "droppedLinksCount", Number),
    field(15, "status", Shape::Message(&STATUS)),
    field(16, "flags", Number),
]);

static EVENT: Message = Message(&[
    field(1, "timeUnixNano", Unsigned64),
    field(2, "name", Text),
    field(3, "attributes", Repeated(&KEY_VALUE)),
    field(4, "droppedAttributesCount", Number),
]);

static LINK: Message = Message(&[
    field(1, "traceId", Hex),
    field(2, "spanId", Hex),
    field(3, "traceState", Text),
    field(4, "attributes", Repeated(&KEY_VALUE)),
    field(5, "droppedAttributesCount", Number),
    field(6, "flags", Number),
]);

static STATUS: Message = Message(&[field(2, "message", Text), field(3, "code", Number)]);

static KEY_VALUE: Message = Message(&[
    field(1, "key", Key),
    field(2, "value", Shape::Message(&ANY_VALUE)),
]);

static ANY_VALUE: Message = Message(&[
    field(1, "stringValue", Text),
    field(2, "boolValue", Bool),
    field(3, "intValue", Signed64),
    field(4, "doubleValue", Double),
]);
