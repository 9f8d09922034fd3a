//! Rows named `test_…` are the cases of the specification's own test suite (w3c/trace-context, `test/test.py`), as far
//! as they are about the text of one header. Names of headers, and several headers, are the ingress's.

use proptest::prelude::*;

use super::*;

mod tracestate;

const TRACE: &str = "12345678901234567890123456789012";
const SPAN: &str = "1234567890123456";

/// What becomes of a header in which `T` and `S` stand for the ids: the flags, or `None` when it is refused.
fn check_parent(case: &str, header: &str, flags: Option<u8>) {
    let header = header.replace('T', TRACE).replace('S', SPAN);
    let context = SpanContext::parse(&header, None);
    assert_eq!(
        context.as_ref().map(|context| context.flags),
        flags,
        "{case}: {header:?}"
    );
    if let Some(context) = context {
        assert_eq!(
            context.traceparent(),
            format!("00-{TRACE}-{SPAN}-{:02x}", context.flags),
            "{case}"
        );
    }
}

#[test]
fn a_valid_traceparent_is_used_and_leaves_as_version_00() {
    for (case, header, flags) in [
        ("test_traceparent_included_tracestate_missing", "00-T-S-01", 1),
        ("not sampled", "00-T-S-00", 0),
        ("the random flag", "00-T-S-02", 2),
        ("sampled and random", "00-T-S-03", 3),
        ("unknown flags", "00-T-S-ff", 0xff),
        ("test_traceparent_version_0xcc", "cc-T-S-01", 1),
        (
            "test_traceparent_version_0xcc",
            "cc-T-S-01-what-the-future-will-be-like",
            1,
        ),
        ("a later version with a dash and no more", "01-T-S-01-", 1),
        ("the last version", "fe-T-S-02", 2),
        ("unknown flags of a later version", "01-T-S-ff", 3),
        ("test_traceparent_ows_handling", " 00-T-S-01", 1),
        ("test_traceparent_ows_handling", "\t00-T-S-01", 1),
        ("test_traceparent_ows_handling", "00-T-S-01 ", 1),
        ("test_traceparent_ows_handling", "00-T-S-01\t", 1),
        ("test_traceparent_ows_handling", "\t 00-T-S-01 \t", 1),
    ] {
        check_parent(case, header, Some(flags));
    }
}

#[test]
fn an_invalid_traceparent_is_refused() {
    for (case, header) in [
        ("test_traceparent_version_0x00", "00-T-S-01."),
        (
            "test_traceparent_version_0x00",
            "00-T-S-01-what-the-future-will-be-like",
        ),
        ("a dash and no more", "00-T-S-01-"),
        (
            "test_traceparent_version_0xcc",
            "cc-T-S-01.what-the-future-will-be-like",
        ),
        ("test_traceparent_version_0xff", "ff-T-S-01"),
        ("test_traceparent_version_illegal_characters", ".0-T-S-01"),
        ("test_traceparent_version_illegal_characters", "0.-T-S-01"),
        ("an upper-case version", "CC-T-S-01"),
        ("test_traceparent_version_too_long", "000-T-S-01"),
        ("test_traceparent_version_too_long", "0000-T-S-01"),
        ("test_traceparent_version_too_short", "0-T-S-01"),
        (
            "test_traceparent_trace_id_all_zero",
            "00-00000000000000000000000000000000-S-01",
        ),
        (
            "test_traceparent_trace_id_illegal_characters",
            "00-.2345678901234567890123456789012-S-01",
        ),
        (
            "test_traceparent_trace_id_illegal_characters",
            "00-1234567890123456789012345678901.-S-01",
        ),
        (
            "an upper-case trace id",
            "00-A2345678901234567890123456789012-S-01",
        ),
        ("test_traceparent_trace_id_too_long", "00-T3-S-01"),
        (
            "test_traceparent_trace_id_too_short",
            "00-1234567890123456789012345678901-S-01",
        ),
        ("test_traceparent_parent_id_all_zero", "00-T-0000000000000000-01"),
        (
            "test_traceparent_parent_id_illegal_characters",
            "00-T-.234567890123456-01",
        ),
        (
            "test_traceparent_parent_id_illegal_characters",
            "00-T-123456789012345.-01",
        ),
        ("an upper-case parent id", "00-T-A234567890123456-01"),
        ("test_traceparent_parent_id_too_long", "00-T-S7-01"),
        ("test_traceparent_parent_id_too_short", "00-T-123456789012345-01"),
        ("test_traceparent_trace_flags_illegal_characters", "00-T-S-.0"),
        ("test_traceparent_trace_flags_illegal_characters", "00-T-S-0."),
        ("upper-case flags", "00-T-S-0A"),
        ("test_traceparent_trace_flags_too_long", "00-T-S-001"),
        ("test_traceparent_trace_flags_too_short", "00-T-S-1"),
        ("no flags", "00-T-S"),
        ("nothing", ""),
        ("a version alone", "00"),
        ("other separators", "00_T-S-01"),
        ("other separators", "00-T_S-01"),
        ("other separators", "00-T-S_01"),
        ("two headers joined", "00-T-S-01,00-T-S-01"),
    ] {
        check_parent(case, header, None);
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(trace in any::<[u8; 16]>(), span in any::<[u8; 8]>(), flags in any::<u8>()) {
        prop_assume!(trace != [0; 16] && span != [0; 8]);
        let context = SpanContext {
            trace_id: TraceId(trace), span_id: SpanId(span), flags, trace_state: "a=1,b=2".into(),
        };
        let read = SpanContext::parse(&context.traceparent(), Some(&context.trace_state));
        prop_assert_eq!(read, Some(context.clone()));
        let bytes = borsh::to_vec(&context).unwrap();
        prop_assert_eq!(borsh::from_slice::<SpanContext>(&bytes).unwrap(), context);
    }

    #[test]
    fn no_traceparent_makes_the_reader_panic(any in "\\PC*", near in "[0-9a-fA-F\\-é]{50,60}") {
        drop(SpanContext::parse(&any, None));
        drop(SpanContext::parse(&near, None));
    }
}
