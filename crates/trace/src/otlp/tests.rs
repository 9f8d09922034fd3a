//! The hand-written bytes against those of `prost`, and what `prost` reads in them.

mod model;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::ScopeSpans;
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::{SpanContext, SpanId, TraceId};

proptest! {
    #[test]
    fn a_span_has_the_bytes_that_prost_writes(span in arbitrary_span()) {
        let mut ours = Vec::new();
        encode_span(&span, &mut ours);
        let expected = ScopeSpans { spans: vec![model::span(&span)], ..Default::default() };
        prop_assert_eq!(ScopeSpans::decode(&ours[..]).unwrap(), expected.clone());
        prop_assert_eq!(ours, expected.encode_to_vec());
    }

    #[test]
    fn additional_attributes_stand_behind_those_of_the_span(span in arbitrary_span(), additional in attributes()) {
        let mut ours = Vec::new();
        encode_span_with(&span, &Attributes::new(&additional), &mut ours);
        let mut whole = span.clone();
        for (at, attribute) in additional.iter().enumerate() {
            let is_last = additional[at + 1..].iter().all(|later| later.key != attribute.key);
            if is_last && span.attributes.iter().all(|own| own.key != attribute.key) {
                whole.attributes.push(attribute.clone());
            }
        }
        let mut expected = Vec::new();
        encode_span(&whole, &mut expected);
        prop_assert_eq!(ours, expected);
    }

    #[test]
    fn what_is_encoded_takes_attributes_and_tells_its_name(
        spans in prop::collection::vec(arbitrary_span(), 0..4), additional in attributes(),
    ) {
        let additional = Attributes::new(&additional);
        let (mut encoded, mut expected, mut ours) = (Vec::new(), Vec::new(), Vec::new());
        for span in &spans {
            encode_span(span, &mut encoded);
            encode_span_with(span, &additional, &mut expected);
        }
        for (span, ours_of) in spans.iter().zip(encoded_spans("test", &encoded)) {
            prop_assert_eq!((ours_of.scope(), ours_of.name()), ("test", span.name.as_ref()));
            // As bytes: a NaN is not equal to itself.
            let mut again = Vec::new();
            encode_span(&ours_of.decode().unwrap(), &mut again);
            let mut once = Vec::new();
            encode_span(span, &mut once);
            prop_assert_eq!(again, once);
            ours_of.put_with(&additional, &mut ours);
        }
        prop_assert_eq!(ours, expected);
    }

    #[test]
    fn arbitrary_bytes_are_no_spans_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let additional = Attributes::new(&[KeyValue::new("region", "eu")]);
        for span in encoded_spans("test", &bytes) {
            drop((span.name(), span.decode()));
            span.put_with(&additional, &mut Vec::new());
        }
    }

    #[test]
    fn a_request_has_the_bytes_that_prost_writes(
        spans in prop::collection::vec(arbitrary_span(), 0..4), resource in attributes(), scope in "[a-z.]{0,200}",
    ) {
        let mut encoded = Vec::new();
        spans.iter().for_each(|span| encode_span(span, &mut encoded));
        let mut ours = Vec::new();
        export_request(&resource, &scope, &encoded, &mut ours);
        let expected = model::request(&resource, &[(&scope, &spans)]);
        prop_assert_eq!(ExportTraceServiceRequest::decode(&ours[..]).unwrap(), expected.clone());
        prop_assert_eq!(ours, expected.encode_to_vec());
    }
}

#[test]
fn scopes_stand_side_by_side_under_one_resource() {
    let span = |name: &'static str| Span {
        name: name.into(),
        ..bare_span()
    };
    let (first, second) = (vec![span("a"), span("b")], vec![span("c")]);
    let encode = |spans: &[Span]| {
        let mut bytes = Vec::new();
        spans.iter().for_each(|span| encode_span(span, &mut bytes));
        bytes
    };
    let resource = [KeyValue::new("service.name", "Everspan")];
    let mut ours = Vec::new();
    export_request_of_scopes(
        &resource,
        &[("one", &encode(&first)), ("two", &encode(&second))],
        &mut ours,
    );
    let expected = model::request(&resource, &[("one", &first), ("two", &second)]);
    assert_eq!(ExportTraceServiceRequest::decode(&ours[..]).unwrap(), expected);
}

/// Lengths around those at which a length takes one byte more, of texts and of whole spans.
#[test]
fn lengths_of_every_size_are_written_as_prost_writes_them() {
    let around = [0x7f, 0x80, 0x3fff, 0x4000, 0x1f_ffff, 0x20_0000];
    let sizes = around
        .into_iter()
        .flat_map(|size: usize| size.saturating_sub(220)..size + 4);
    for size in (0..300).chain(sizes.filter(|size| size % 7 == 0 || *size < 0x4100)) {
        let text = "x".repeat(size);
        let attributes = vec![KeyValue::new("key", text.clone()), KeyValue::new(text, true)];
        for attributes in [attributes[..1].to_vec(), attributes] {
            let span = Span {
                attributes,
                ..bare_span()
            };
            let mut ours = Vec::new();
            encode_span(&span, &mut ours);
            let expected = ScopeSpans {
                spans: vec![model::span(&span)],
                ..Default::default()
            };
            assert!(ours == expected.encode_to_vec(), "{size}");
        }
    }
}

#[test]
fn a_span_keeps_its_own_attribute_beside_an_additional_one() {
    let span = |attributes: Vec<KeyValue>| Span {
        attributes,
        ..bare_span()
    };
    let (own, region) = (KeyValue::new("env", "test"), KeyValue::new("region", "eu"));
    let additional = Attributes::new(&[KeyValue::new("env", "live"), region.clone()]);
    let (mut ours, mut expected) = (Vec::new(), Vec::new());
    encode_span_with(&span(vec![own.clone()]), &additional, &mut ours);
    encode_span(&span(vec![own, region]), &mut expected);
    assert_eq!(ours, expected);
    assert!(!additional.is_empty() && Attributes::new(&[]).is_empty());
}

/// A span of the least size: what is unset is not written.
#[test]
fn a_bare_span_is_its_ids_kind_and_flags() {
    let mut bytes = Vec::new();
    encode_span(&bare_span(), &mut bytes);
    let ids = [&[18, 36, 10, 16][..], &[1; 16], &[18, 8], &[2; 8]].concat();
    assert_eq!(bytes, [&ids[..], &[48, 1], &[0x85, 1, 0, 1, 0, 0]].concat()[..]);
}

fn bare_span() -> Span {
    let context = SpanContext {
        trace_id: TraceId([1; 16]),
        span_id: SpanId([2; 8]),
        flags: 0,
        trace_state: String::new(),
    };
    Span {
        scope: "test".into(),
        name: "".into(),
        kind: SpanKind::Internal,
        context,
        parent: None,
        parent_is_remote: false,
        start_ns: 0,
        end_ns: 0,
        attributes: vec![],
        events: vec![],
        dropped_events_count: 0,
        links: vec![],
        status: Status::Unset,
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => "\\PC{0,20}", 1 => "[a-z]{100,300}"]
}

fn value() -> impl Strategy<Value = crate::Value> {
    prop_oneof![
        text().prop_map(crate::Value::from),
        any::<i64>().prop_map(crate::Value::from),
        any::<f64>().prop_map(crate::Value::from),
        any::<bool>().prop_map(crate::Value::from),
    ]
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    prop::collection::vec(
        (text(), value()).prop_map(|(key, value)| KeyValue::new(key, value)),
        0..6,
    )
}

fn context() -> impl Strategy<Value = SpanContext> {
    let state = prop_oneof![Just(String::new()), "[a-z]=[0-9]{1,30}"];
    (any::<[u8; 16]>(), any::<[u8; 8]>(), any::<u8>(), state).prop_map(|(trace, span, flags, trace_state)| {
        SpanContext {
            trace_id: TraceId(trace),
            span_id: SpanId(span),
            flags,
            trace_state,
        }
    })
}

fn event() -> impl Strategy<Value = Event> {
    (any::<u64>(), text(), attributes()).prop_map(|(time_ns, name, attributes)| Event {
        time_ns,
        name: name.into(),
        attributes,
    })
}

fn link() -> impl Strategy<Value = Link> {
    (context(), attributes()).prop_map(|(context, attributes)| Link { context, attributes })
}

fn kind() -> impl Strategy<Value = SpanKind> {
    use SpanKind::{Client, Consumer, Internal, Producer, Server};
    prop::sample::select(vec![Internal, Server, Client, Producer, Consumer])
}

fn status() -> impl Strategy<Value = Status> {
    prop_oneof![
        Just(Status::Unset),
        Just(Status::Ok),
        text().prop_map(Status::Error)
    ]
}

pub(super) fn arbitrary_span() -> impl Strategy<Value = Span> {
    let identity = (text(), kind(), context(), any::<Option<[u8; 8]>>(), any::<bool>());
    let times = (prop_oneof![Just(0), any::<u64>()], any::<u64>());
    let details = (attributes(), prop::collection::vec(event(), 0..4), any::<u32>());
    let outcome = (prop::collection::vec(link(), 0..3), status());
    (identity, times, details, outcome).prop_map(|(identity, times, details, outcome)| Span {
        scope: "test".into(),
        name: identity.0.into(),
        kind: identity.1,
        context: identity.2,
        parent: identity.3.map(SpanId),
        parent_is_remote: identity.4,
        start_ns: times.0,
        end_ns: times.1,
        attributes: details.0,
        events: details.1,
        dropped_events_count: details.2,
        links: outcome.0,
        status: outcome.1,
    })
}
