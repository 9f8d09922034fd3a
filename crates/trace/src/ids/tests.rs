use super::*;

/// These rows are a format: spans already exported carry such ids. A change here cuts every running trace in two.
#[test]
fn derived_ids_never_change() {
    let seed = b"inv_1bq3X0aJ2hKr0Hn3y1J5Wk3TQmTQ0p4f";
    let span_ids: Vec<String> = [0, 1, 2, u64::MAX]
        .map(|label| derive_span_id(seed, label).to_string())
        .into();
    assert_eq!(
        span_ids,
        [
            "c1cb3075b8944860",
            "ff28e090963f831b",
            "bd8ae965ac5b4a35",
            "824a65ca743f3409"
        ]
    );
    assert_eq!(
        derive_trace_id(seed).to_string(),
        "d207f144b9aefd155fbc7080afd59597"
    );
    assert_eq!(derive_span_id(b"", 0).to_string(), "2d06800538d394c2");
    assert_eq!(
        derive_trace_id(b"").to_string(),
        "99aa06d3014798d86001c324468d497f"
    );
}

#[test]
fn labels_and_seeds_tell_spans_apart() {
    let mut ids: Vec<SpanId> = Vec::new();
    for seed in 0..100u64 {
        ids.extend((0..100).map(|label| derive_span_id(&seed.to_le_bytes(), label)));
    }
    assert!(ids.iter().all(|id| id.is_valid()));
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 10_000);
}

#[test]
fn ids_are_read_as_they_are_shown() {
    let trace_id: TraceId = "0af7651916cd43dd8448eb211c80319c".parse().unwrap();
    let span_id: SpanId = "00f067aa0ba902b7".parse().unwrap();
    assert_eq!(trace_id.to_string(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(span_id.to_string(), "00f067aa0ba902b7");
    assert_eq!("0000000000000000".parse::<SpanId>(), Err(ParseIdError::Zero));
    let error = "00F067AA0BA902B7".parse::<SpanId>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "`00F067AA0BA902B7` is not 16 lower-case hex digits"
    );
}

#[test]
fn zero_ids_are_not_valid() {
    assert!(!TraceId([0; 16]).is_valid());
    assert!(!SpanId([0; 8]).is_valid());
}
