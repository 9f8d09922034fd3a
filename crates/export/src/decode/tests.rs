use everspan_trace::Value;
use opentelemetry_proto::tonic::common::v1::any_value::Value as ProtoValue;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValueList};
use proptest::prelude::*;
use prost::Message;

use super::arbitrary::{bare_span, batch, spans};
use super::*;

proptest! {
    #[test]
    fn what_was_encoded_is_read_back(spans in spans()) {
        let decoded = decode(&batch(&spans));
        // Scopes stand together in a batch, in the order of their first span.
        let first = spans.first().map(|span| span.scope.clone());
        let mut expected = spans;
        expected.sort_by_key(|span| Some(&span.scope) != first.as_ref());
        prop_assert_eq!(decoded, Decoded { spans: expected, unreadable: 0, why: None });
    }

    #[test]
    fn any_bytes_are_read_or_counted(bytes in proptest::collection::vec(any::<u8>(), 0..300), count in 0..5usize) {
        let mut batch = Batch::new();
        batch.push("test", &bytes, count);
        let decoded = decode(&batch);
        prop_assert!(decoded.spans.len() as u64 + decoded.unreadable >= count as u64);
        prop_assert!(decoded.unreadable == 0 || decoded.why.is_some() || bytes.is_empty() || !decoded.spans.is_empty());
    }

    #[test]
    fn a_damaged_byte_costs_no_more_than_the_spans_it_touches(
        spans in spans(), position in any::<prop::sample::Index>(), damage in 1..=255u8,
    ) {
        let whole = batch(&spans);
        prop_assume!(whole.bytes() > 0);
        let position = position.index(whole.bytes());
        let mut damaged = Batch::new();
        let mut begin = 0;
        for (scope, encoded) in whole.scopes() {
            let mut encoded = encoded.to_vec();
            if let Some(byte) = position.checked_sub(begin).and_then(|at| encoded.get_mut(at)) {
                *byte ^= damage;
            }
            begin += encoded.len();
            let count = spans.iter().filter(|span| span.scope == scope).count();
            damaged.push(scope, &encoded, count);
        }
        let decoded = decode(&damaged);
        prop_assert!(decoded.spans.len() as u64 + decoded.unreadable >= spans.len() as u64);
    }
}

#[test]
fn a_span_that_cannot_be_read_costs_itself_only() {
    let good = batch(&[bare_span(1, 1)]);
    let (_, good) = good.scopes().next().unwrap();
    let bad = |span: proto::Span| {
        let row = proto::ScopeSpans {
            spans: vec![span],
            ..Default::default()
        };
        row.encode_to_vec()
    };
    let short_id = bad(proto::Span {
        trace_id: vec![1; 3],
        span_id: vec![1; 8],
        ..Default::default()
    });
    let bad_parent = bad(proto::Span {
        trace_id: vec![1; 16],
        span_id: vec![1; 8],
        parent_span_id: vec![1; 9],
        ..Default::default()
    });
    let no_message = vec![0x12, 2, 0xff, 0xff];
    let cases = [
        (short_id, "a trace id has 3 bytes, not 16"),
        (bad_parent, "a parent span id has 9 bytes, not 8"),
        (no_message, "a span of `test` is unreadable"),
    ];
    for (bad, expected) in cases {
        let mut batch = Batch::new();
        batch.push("test", &[good, &bad, good].concat(), 3);
        let decoded = decode(&batch);
        assert_eq!(decoded.spans, [bare_span(1, 1), bare_span(1, 1)]);
        assert_eq!(decoded.unreadable, 1);
        let why = decoded.why.unwrap();
        assert!(why.starts_with(expected), "{why}");
    }
}

#[test]
fn a_row_that_is_cut_off_keeps_the_spans_before_the_cut() {
    let whole = batch(&[bare_span(1, 1), bare_span(1, 2)]);
    let (scope, encoded) = whole.scopes().next().unwrap();
    let mut cut = Batch::new();
    cut.push(scope, &encoded[..encoded.len() - 1], 2);
    let decoded = decode(&cut);
    assert_eq!(decoded.spans, [bare_span(1, 1)]);
    assert_eq!(decoded.unreadable, 1);
    assert!(decoded.why.unwrap().contains("is cut off after"));
}

#[test]
fn values_without_a_type_of_their_own_become_text() {
    let any = |value| AnyValue { value: Some(value) };
    let list = |values: Vec<AnyValue>| ProtoValue::ArrayValue(ArrayValue { values });
    let map = ProtoValue::KvlistValue(KeyValueList {
        values: vec![ProtoKeyValue {
            key: "k".to_owned(),
            value: Some(any(list(vec![
                any(ProtoValue::IntValue(1)),
                AnyValue { value: None },
            ]))),
            ..Default::default()
        }],
    });
    let scalars = vec![
        any(ProtoValue::StringValue("a\"b".to_owned())),
        any(ProtoValue::BoolValue(true)),
        any(ProtoValue::DoubleValue(0.5)),
        any(ProtoValue::BytesValue(vec![0, 255])),
    ];
    let cases = [
        (Some(any(list(scalars))), r#"["a\"b",true,0.5,"AP8="]"#),
        (Some(any(map)), r#"{"k":[1,null]}"#),
        (Some(any(ProtoValue::BytesValue(vec![1, 2, 3]))), "AQID"),
        (Some(any(ProtoValue::StringValueStrindex(7))), ""),
        (Some(AnyValue { value: None }), ""),
        (None, ""),
    ];
    for (value, expected) in cases {
        assert_eq!(value::from_proto(value), Value::from(expected));
    }
}

#[test]
fn counts_of_what_was_dropped_become_attributes() {
    let span = proto::Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        dropped_attributes_count: 3,
        dropped_links_count: 4,
        ..Default::default()
    };
    let decoded = decode_span("test", &span.encode_to_vec()).unwrap();
    assert_eq!(
        decoded.attributes,
        [
            KeyValue::new("otel.dropped_attributes_count", 3),
            KeyValue::new("otel.dropped_links_count", 4),
        ]
    );
}

#[test]
fn a_count_that_is_not_true_is_not_believed() {
    let mut lie = Batch::new();
    lie.push("test", b"", usize::MAX);
    let expected = Decoded {
        unreadable: usize::MAX as u64,
        ..Decoded::default()
    };
    assert_eq!(decode(&lie), expected);
}
