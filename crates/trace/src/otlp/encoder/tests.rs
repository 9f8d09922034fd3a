//! A span written part by part has the bytes of the same span written at once.

use proptest::prelude::*;

use super::*;
use crate::otlp::tests::arbitrary_span;
use crate::otlp::{decode_spans, encode_span};
use crate::{Event, KeyValue, Span, Status, Value};

/// Every part of the span but attributes of links, which a span in the making does not have.
fn encode_parts(span: &Span, spans: &mut EncodedSpans) {
    let mut name = Vec::new();
    encode_name(&span.name, span.kind, &mut name);
    let mut to = spans.begin(&span.context, span.parent, span.parent_is_remote);
    to.copy(&name);
    to.times(span.start_ns, span.end_ns);
    put(&span.attributes, to.attributes());
    for event in &span.events {
        let (first, rest) = encode_content(event);
        to.event(&[&first, &rest]);
    }
    to.dropped_events(span.dropped_events_count);
    span.links.iter().for_each(|link| to.link(&link.context));
    match &span.status {
        Status::Unset => {}
        Status::Ok => to.ok(),
        Status::Error(message) => to.error(message),
    }
    to.finish();
}

/// An event in two parts, the second its last attribute.
fn encode_content(event: &Event) -> (Vec<u8>, Vec<u8>) {
    let (mut first, mut rest) = (Vec::new(), Vec::new());
    let (last, others) = match event.attributes.split_last() {
        Some((last, others)) => (std::slice::from_ref(last), others),
        None => (&[][..], &[][..]),
    };
    put(others, encode_event(event.time_ns, &event.name, &mut first));
    put(last, AttributeEncoder::of_event(&mut rest));
    (first, rest)
}

fn put(attributes: &[KeyValue], to: AttributeEncoder<'_>) {
    for KeyValue { key, value } in attributes {
        let value = match value {
            Value::Str(text) => ValueRef::Str(text),
            Value::Int(number) => ValueRef::Int(*number),
            Value::Double(number) => ValueRef::Double(*number),
            Value::Bool(truth) => ValueRef::Bool(*truth),
        };
        put_attribute(to.field, key, value, to.out);
    }
}

proptest! {
    #[test]
    fn parts_add_up_to_the_bytes_of_the_span(spans in prop::collection::vec(arbitrary_span(), 0..4)) {
        let (mut ours, mut expected) = (EncodedSpans::new("test"), Vec::new());
        for mut span in spans.clone() {
            span.end_ns = span.end_ns.max(span.start_ns);
            span.links.iter_mut().for_each(|link| link.attributes.clear());
            encode_parts(&span, &mut ours);
            encode_span(&span, &mut expected);
        }
        prop_assert_eq!(ours.count(), spans.len());
        prop_assert_eq!(ours.bytes(), expected);
    }

    #[test]
    fn what_is_decoded_has_the_same_bytes_again(spans in prop::collection::vec(arbitrary_span(), 0..4)) {
        let (mut encoded, mut again) = (Vec::new(), Vec::new());
        spans.iter().for_each(|span| encode_span(span, &mut encoded));
        for span in decode_spans("test", &encoded) {
            encode_span(&span.unwrap(), &mut again);
        }
        prop_assert_eq!(again, encoded);
    }

    #[test]
    fn bytes_that_are_no_span_are_an_error_or_another_span(span in arbitrary_span(), at: prop::sample::Index, byte: u8) {
        let mut encoded = Vec::new();
        encode_span(&span, &mut encoded);
        let at = at.index(encoded.len());
        encoded[at] = byte;
        let whole = decode_spans("test", &encoded).count();
        let short = decode_spans("test", &encoded[..at]).count();
        prop_assert!(whole >= 1 && short <= 1, "{} {}", whole, short);
    }
}

#[test]
fn an_end_before_the_start_is_the_start() {
    let mut spans = EncodedSpans::new("test");
    let context = SpanContext::sampled(crate::TraceId([1; 16]), SpanId([2; 8]));
    let mut span = spans.begin(&context, None, false);
    span.times(7, 3);
    span.finish();
    let times = |span: Span| (span.start_ns, span.end_ns);
    assert_eq!(spans.decode().map(times).collect::<Vec<_>>(), [(7, 7)]);
}
