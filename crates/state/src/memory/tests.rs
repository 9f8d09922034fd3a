use super::*;

fn state(keys: &[&str]) -> MemoryBackend {
    let mut state = MemoryBackend::new();
    for key in keys {
        state.put(key.as_bytes(), key.as_bytes());
    }
    state.commit(1);
    state
}

#[test]
fn a_scan_stays_inside_its_prefix_and_starts_at_from() {
    let state = state(&["a", "b1", "b2", "b3", "c"]);
    let check = |prefix: &str, from: Option<&str>, limit, expected: &[&str]| {
        let found = state
            .scan(prefix.as_bytes(), from.map(str::as_bytes), limit)
            .unwrap();
        let keys: Vec<_> = found.iter().map(|(key, _)| key.as_ref()).collect();
        let expected: Vec<_> = expected.iter().map(|key| key.as_bytes()).collect();
        assert_eq!(keys, expected, "{prefix} {from:?} {limit}");
    };
    check("", None, 9, &["a", "b1", "b2", "b3", "c"]);
    check("b", None, 9, &["b1", "b2", "b3"]);
    check("b", None, 2, &["b1", "b2"]);
    check("b", Some("b2"), 9, &["b2", "b3"]);
    check("b", Some("a"), 1, &["b1"]);
    check("b", Some("c"), 9, &[]);
    check("b", None, 0, &[]);
    check("d", None, 9, &[]);
}

#[test]
fn a_crash_forgets_what_was_not_flushed() {
    let mut state = state(&["a", "b"]);
    state.flush().unwrap();
    let at_flush = state.digest().unwrap();
    state.put(b"a", b"new");
    state.delete(b"b");
    state.put(b"c", b"3");
    state.commit(2);
    state.put(b"c", b"4");
    assert!(state.unflushed_bytes() > 0);
    state.crash();
    assert_eq!(state.digest().unwrap(), at_flush);
    assert_eq!((state.applied(), state.persisted()), (1, 1));
    assert_eq!(state.unflushed_bytes(), 0);
    state.commit(2);
}

#[test]
#[should_panic(expected = "positions strictly grow: 1 does not follow 1")]
fn a_position_is_applied_once() {
    state(&[]).commit(1);
}

#[test]
#[should_panic(expected = "between two batches")]
fn a_flush_inside_a_batch_is_a_bug() {
    let mut state = state(&[]);
    state.put(b"a", b"");
    drop(state.flush());
}

#[test]
#[should_panic(expected = "reserved byte")]
fn the_reserved_keys_are_not_the_callers() {
    MemoryBackend::new().put(&[0xff, 1], b"");
}
