use everspan_trace::{SpanContext, Value};
use serde_json::{Value as Json, json};

use super::*;
use crate::decode::arbitrary::bare_span;

fn read(span: &Span) -> Json {
    serde_json::from_str(&span_json(span, "p1")).unwrap()
}

/// The tags of a span that are not on every one.
fn extra_tags(span: &Span) -> Json {
    let always = ["span.kind", "otel.scope.name", "otel.library.name"];
    let tags = read(span)["tags"].as_array().unwrap().clone();
    tags.into_iter()
        .filter(|tag| !always.contains(&tag["key"].as_str().unwrap()))
        .collect()
}

#[test]
fn a_span_with_everything_has_the_fields_that_the_jaeger_ui_reads() {
    let other = SpanContext::sampled(TraceId([7; 16]), SpanId([8; 8]));
    let span = Span {
        name: "invocation-attempt Greeter/greet".into(),
        kind: SpanKind::Client,
        parent: Some(SpanId([9; 8])),
        start_ns: 1_700_000_000_123_456_789,
        end_ns: 1_700_000_000_123_459_001,
        attributes: vec![KeyValue::new("rpc.service", "Greeter")],
        events: vec![Event {
            time_ns: 1_700_000_000_123_457_999,
            name: "exception".into(),
            attributes: vec![KeyValue::new("exception.message", "no")],
        }],
        links: vec![Link {
            context: other,
            attributes: vec![KeyValue::new("why", "resumed")],
        }],
        ..bare_span(1, 2)
    };
    let tag = |key: &str, value: &str| json!({ "key": key, "type": "string", "value": value });
    let expected = json!({
        "traceID": "01010101010101010101010101010101",
        "spanID": "0202020202020202",
        "flags": 1,
        "operationName": "invocation-attempt Greeter/greet",
        "references": [
            {"refType": "CHILD_OF", "traceID": "01010101010101010101010101010101", "spanID": "0909090909090909"},
            {"refType": "FOLLOWS_FROM", "traceID": "07070707070707070707070707070707", "spanID": "0808080808080808"},
        ],
        "startTime": 1_700_000_000_123_456_u64,
        "duration": 3,
        "tags": [
            tag("span.kind", "client"),
            tag("otel.scope.name", "test"),
            tag("otel.library.name", "test"),
            tag("rpc.service", "Greeter"),
            tag("everspan.link.1.why", "resumed"),
        ],
        "logs": [{
            "timestamp": 1_700_000_000_123_457_u64,
            "fields": [tag("event", "exception"), tag("exception.message", "no")],
        }],
        "processID": "p1",
        "warnings": null,
    });
    assert_eq!(read(&span), expected);
}

#[test]
fn status_is_told_by_tags() {
    let cases = [
        (Status::Unset, json!([])),
        (
            Status::Ok,
            json!([{"key": "otel.status_code", "type": "string", "value": "OK"}]),
        ),
        (
            Status::Error("no such \"host\"".to_owned()),
            json!([
                {"key": "otel.status_code", "type": "string", "value": "ERROR"},
                {"key": "otel.status_description", "type": "string", "value": "no such \"host\""},
                {"key": "error", "type": "bool", "value": true},
            ]),
        ),
    ];
    for (status, expected) in cases {
        let span = Span {
            status,
            ..bare_span(1, 1)
        };
        assert_eq!(extra_tags(&span), expected);
    }
}

#[test]
fn kinds_are_named_as_jaeger_names_them() {
    let cases = [
        (SpanKind::Internal, "internal"),
        (SpanKind::Server, "server"),
        (SpanKind::Client, "client"),
        (SpanKind::Producer, "producer"),
        (SpanKind::Consumer, "consumer"),
    ];
    for (kind, expected) in cases {
        let span = Span {
            kind,
            ..bare_span(1, 1)
        };
        let expected = json!({"key": "span.kind", "type": "string", "value": expected});
        assert_eq!(read(&span)["tags"][0], expected);
    }
}

#[test]
fn values_keep_their_type_and_reach_a_javascript_reader_exactly() {
    let cases = [
        (Value::from("text"), json!({"type": "string", "value": "text"})),
        (Value::Bool(false), json!({"type": "bool", "value": false})),
        (Value::Int(-5), json!({"type": "int64", "value": -5})),
        (
            Value::Int(1 << 53),
            json!({"type": "int64", "value": 9_007_199_254_740_992_i64}),
        ),
        (
            Value::Int((1 << 53) + 1),
            json!({"type": "int64", "value": "9007199254740993"}),
        ),
        (
            Value::Int(i64::MIN),
            json!({"type": "int64", "value": "-9223372036854775808"}),
        ),
        (Value::Double(0.1), json!({"type": "float64", "value": 0.1})),
        (
            Value::Double(f64::NAN),
            json!({"type": "float64", "value": "NaN"}),
        ),
        (
            Value::Double(f64::INFINITY),
            json!({"type": "float64", "value": "Infinity"}),
        ),
        (
            Value::Double(f64::NEG_INFINITY),
            json!({"type": "float64", "value": "-Infinity"}),
        ),
    ];
    for (value, mut expected) in cases {
        expected["key"] = json!("k");
        let span = Span {
            attributes: vec![KeyValue::new("k", value)],
            ..bare_span(1, 1)
        };
        assert_eq!(extra_tags(&span), json!([expected]));
    }
}

#[test]
fn trace_state_and_dropped_events_are_tags() {
    let mut span = Span {
        dropped_events_count: 3,
        ..bare_span(1, 1)
    };
    span.context.trace_state = "a=1".to_owned();
    let expected = json!([
        {"key": "w3c.tracestate", "type": "string", "value": "a=1"},
        {"key": "otel.dropped_events_count", "type": "int64", "value": 3},
    ]);
    assert_eq!(extra_tags(&span), expected);
}

#[test]
fn rounding_to_microseconds_changes_no_order_and_makes_no_negative_duration() {
    // start, end, expected start, expected end
    let cases = [
        (0, 0, 0, 0),
        (999, 1_000, 0, 1),
        (1_000, 1_999, 1, 1),
        (1_999, 2_000, 1, 2),
        (5_000, 3_000, 5, 5),
        (u64::MAX, u64::MAX, u64::MAX / 1_000, u64::MAX / 1_000),
    ];
    for (start_ns, end_ns, start_us, end_us) in cases {
        let json = read(&Span {
            start_ns,
            end_ns,
            ..bare_span(1, 1)
        });
        let start = json["startTime"].as_u64().unwrap();
        assert_eq!(
            (start, start + json["duration"].as_u64().unwrap()),
            (start_us, end_us)
        );
    }
}
