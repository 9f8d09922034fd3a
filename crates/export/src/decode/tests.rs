use opentelemetry_proto::tonic::trace::v1 as proto;
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
        (bad(proto::Span::default()), "trace id"),
        (short_id, "trace id"),
        (bad_parent, "parent span id"),
        (no_message, "content"),
    ];
    for (bad, what) in cases {
        let mut batch = Batch::new();
        batch.push("test", &[good, &bad, good].concat(), 3);
        let decoded = decode(&batch);
        assert_eq!(decoded.spans, [bare_span(1, 1), bare_span(1, 1)]);
        assert_eq!(decoded.unreadable, 1);
        let expected = format!("scope `test`: the {what} of an encoded span cannot be read");
        assert_eq!(decoded.why, Some(expected));
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
    assert!(decoded.why.unwrap().contains("the frame of"));
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
