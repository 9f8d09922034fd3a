//! Any span, and the batch that it makes.

use everspan_trace::{
    Event, KeyValue, Link, Span, SpanContext, SpanId, SpanKind, Status, TraceId, Value, otlp,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::Batch;

pub(crate) fn batch(spans: &[Span]) -> Batch {
    let mut batch = Batch::new();
    for span in spans {
        let mut encoded = Vec::new();
        otlp::encode_span(span, &mut encoded);
        batch.push(&span.scope, &encoded, 1);
    }
    batch
}

/// A root span of kind internal with nothing on it, from 1 ms to 2 ms.
pub(crate) fn bare_span(trace: u8, span: u8) -> Span {
    Span {
        scope: "test".into(),
        name: "work".into(),
        kind: SpanKind::Internal,
        context: SpanContext::sampled(TraceId([trace; 16]), SpanId([span; 8])),
        parent: None,
        parent_is_remote: false,
        start_ns: 1_000_000,
        end_ns: 2_000_000,
        attributes: Vec::new(),
        events: Vec::new(),
        dropped_events_count: 0,
        links: Vec::new(),
        status: Status::Unset,
    }
}

pub(crate) fn spans() -> impl Strategy<Value = Vec<Span>> {
    vec(span(), 0..12)
}

fn span() -> impl Strategy<Value = Span> {
    let identity = (context(), proptest::option::of(any::<[u8; 8]>()), any::<bool>());
    let times = (any::<u64>(), any::<u64>());
    let details = (attributes(), vec(event(), 0..4), any::<u32>(), vec(link(), 0..3));
    let names = (prop_oneof![Just("one"), Just("two")], ".{0,20}", kind(), status());
    (identity, times, details, names).prop_map(|(identity, times, details, names)| Span {
        scope: names.0.into(),
        name: names.1.into(),
        kind: names.2,
        context: identity.0,
        parent: identity.1.map(SpanId),
        parent_is_remote: identity.2,
        start_ns: times.0.min(times.1),
        end_ns: times.0.max(times.1),
        attributes: details.0,
        events: details.1,
        dropped_events_count: details.2,
        links: details.3,
        status: names.3,
    })
}

/// Few traces, so that some spans share one.
fn context() -> impl Strategy<Value = SpanContext> {
    let trace_state = prop_oneof![Just(""), Just("a=1"), Just("a=1,b=2")];
    (1..4u8, any::<[u8; 8]>(), any::<u8>(), trace_state).prop_map(|(trace, span, flags, trace_state)| {
        SpanContext {
            trace_id: TraceId([trace; 16]),
            span_id: SpanId(span),
            flags,
            trace_state: trace_state.to_owned(),
        }
    })
}

fn event() -> impl Strategy<Value = Event> {
    (any::<u64>(), ".{0,12}", attributes()).prop_map(|(time_ns, name, attributes)| Event {
        time_ns,
        name: name.into(),
        attributes,
    })
}

fn link() -> impl Strategy<Value = Link> {
    (context(), attributes()).prop_map(|(context, attributes)| Link { context, attributes })
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    vec(
        (".{0,12}", value()).prop_map(|(key, value)| KeyValue::new(key, value)),
        0..5,
    )
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<String>().prop_map(Value::from),
        any::<i64>().prop_map(Value::Int),
        prop_oneof![any::<f64>(), Just(f64::INFINITY), Just(f64::NEG_INFINITY)].prop_map(Value::Double),
        any::<bool>().prop_map(Value::Bool),
    ]
}

fn kind() -> impl Strategy<Value = SpanKind> {
    prop_oneof![
        Just(SpanKind::Internal),
        Just(SpanKind::Server),
        Just(SpanKind::Client),
        Just(SpanKind::Producer),
        Just(SpanKind::Consumer),
    ]
}

fn status() -> impl Strategy<Value = Status> {
    prop_oneof![
        Just(Status::Unset),
        Just(Status::Ok),
        ".{0,20}".prop_map(Status::Error),
    ]
}
