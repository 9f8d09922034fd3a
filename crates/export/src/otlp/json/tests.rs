//! What is written, read back by the types of `opentelemetry-proto`.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use proptest::prelude::*;
use prost::Message;

use super::*;

fn any() -> impl Strategy<Value = Option<Any>> {
    prop_oneof![
        Just(None),
        ".*".prop_map(|text| Some(Any::StringValue(text))),
        prop::bool::ANY.prop_map(|truth| Some(Any::BoolValue(truth))),
        prop::num::i64::ANY.prop_map(|number| Some(Any::IntValue(number))),
        // Few digits: the reader is not exact. What is written is, see below.
        prop::num::i32::ANY.prop_map(|number| Some(Any::DoubleValue(f64::from(number) / 8.0))),
    ]
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let attribute = (".*", any()).prop_map(|(key, value)| KeyValue {
        key,
        value: Some(AnyValue { value }),
        ..Default::default()
    });
    prop::collection::vec(attribute, 0..4)
}

fn id(len: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![Just(Vec::new()), prop::collection::vec(prop::num::u8::ANY, len)]
}

prop_compose! {
    fn event()(
        time_unix_nano in prop::num::u64::ANY, name in ".*", attributes in attributes(), dropped in 0u32..3,
    ) -> Event {
        Event { time_unix_nano, name, attributes, dropped_attributes_count: dropped }
    }
}

prop_compose! {
    fn link()(
        trace_id in id(16), span_id in id(8), trace_state in ".*", attributes in attributes(),
        flags in prop::num::u32::ANY,
    ) -> Link {
        Link { trace_id, span_id, trace_state, attributes, flags, dropped_attributes_count: 0 }
    }
}

prop_compose! {
    fn span()(
        ids in (id(16), id(8), id(8)), words in (".*", ".*"), kind in 0i32..6,
        times in (prop::num::u64::ANY, prop::num::u64::ANY), attributes in attributes(),
        events in prop::collection::vec(event(), 0..3), links in prop::collection::vec(link(), 0..3),
        dropped in (0u32..2, 0u32..2, 0u32..2), flags in prop::num::u32::ANY,
        status in prop::option::of((".*", 0i32..3)),
    ) -> Span {
        Span {
            trace_id: ids.0, span_id: ids.1, parent_span_id: ids.2, name: words.0, trace_state: words.1, kind,
            start_time_unix_nano: times.0, end_time_unix_nano: times.1, attributes, events, links, flags,
            dropped_attributes_count: dropped.0, dropped_events_count: dropped.1, dropped_links_count: dropped.2,
            status: status.map(|(message, code)| Status { message, code }),
        }
    }
}

prop_compose! {
    fn request()(
        resource in prop::option::of(attributes()), scope in prop::option::of((".*", ".*")),
        spans in prop::collection::vec(span(), 0..4),
    ) -> ExportTraceServiceRequest {
        let scope = scope.map(|(name, version)| InstrumentationScope { name, version, ..Default::default() });
        let scope_spans = ScopeSpans { scope, spans, ..Default::default() };
        let resource = resource.map(|attributes| Resource { attributes, ..Default::default() });
        ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans { resource, scope_spans: vec![scope_spans], ..Default::default() }],
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_foreign_decoder_reads_the_same_request(request in request()) {
        let json = export_request(&request.encode_to_vec()).unwrap();
        let read: ExportTraceServiceRequest = serde_json::from_slice(&json).unwrap();
        prop_assert_eq!(read, request);
    }

    #[test]
    fn a_double_loses_nothing(number in prop::num::f64::ANY) {
        let mut json = Vec::new();
        put_double(number, &mut json);
        let read: f64 = String::from_utf8(json).unwrap().trim_matches('"').parse().unwrap();
        prop_assert!(read == number || read.is_nan() && number.is_nan());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(prop::num::u8::ANY, 0..100)) {
        if let Ok(json) = export_request(&bytes) {
            let read: Result<serde_json::Value, _> = serde_json::from_slice(&json);
            prop_assert!(read.is_ok());
        }
    }

    #[test]
    fn a_request_that_was_cut_is_malformed_or_well_formed_json(request in request(), cut in prop::num::usize::ANY) {
        let mut bytes = request.encode_to_vec();
        bytes.truncate(cut % (bytes.len() + 1));
        if let Ok(json) = export_request(&bytes) {
            let read: Result<ExportTraceServiceRequest, _> = serde_json::from_slice(&json);
            prop_assert!(read.is_ok());
        }
    }
}

fn check(span: Span, expected: &str) {
    let scope_spans = vec![ScopeSpans {
        spans: vec![span],
        ..Default::default()
    }];
    let resource_spans = vec![ResourceSpans {
        scope_spans,
        ..Default::default()
    }];
    let request = ExportTraceServiceRequest { resource_spans };
    let json = export_request(&request.encode_to_vec()).unwrap();
    let expected = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{expected}]}}]}}]}}"#);
    assert_eq!(String::from_utf8(json).unwrap(), expected);
}

fn attribute(value: Any) -> Span {
    let value = Some(AnyValue { value: Some(value) });
    Span {
        attributes: vec![KeyValue {
            key: "k".to_owned(),
            value,
            ..Default::default()
        }],
        ..Default::default()
    }
}

#[test]
fn the_mapping_is_that_of_the_otlp_specification() {
    let span = Span {
        trace_id: vec![0xab; 16],
        kind: 2,
        start_time_unix_nano: u64::MAX,
        flags: 0x101,
        ..Default::default()
    };
    check(
        span,
        r#"{"traceId":"abababababababababababababababab","kind":2,"startTimeUnixNano":"18446744073709551615","flags":257}"#,
    );
    for (value, expected) in [
        (Any::IntValue(i64::MIN), r#"{"intValue":"-9223372036854775808"}"#),
        (Any::IntValue(0), r#"{"intValue":"0"}"#),
        (Any::BoolValue(false), r#"{"boolValue":false}"#),
        (
            Any::StringValue("a\"\n\u{7f}é".to_owned()),
            "{\"stringValue\":\"a\\\"\\n\u{7f}é\"}",
        ),
        (Any::DoubleValue(-0.5), r#"{"doubleValue":-0.5}"#),
        (Any::DoubleValue(f64::NAN), r#"{"doubleValue":"NaN"}"#),
        (Any::DoubleValue(f64::INFINITY), r#"{"doubleValue":"Infinity"}"#),
        (
            Any::DoubleValue(f64::NEG_INFINITY),
            r#"{"doubleValue":"-Infinity"}"#,
        ),
    ] {
        let expected = format!(r#"{{"attributes":[{{"key":"k","value":{expected}}}]}}"#);
        check(attribute(value), &expected);
    }
}
