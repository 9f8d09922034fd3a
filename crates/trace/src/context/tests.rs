use proptest::prelude::*;

use super::*;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

fn check_parent(header: &str, flags: Option<u8>) {
    let context = SpanContext::parse(header, None);
    assert_eq!(context.as_ref().map(|context| context.flags), flags, "{header:?}");
    if let Some(context) = context {
        assert_eq!(
            (context.trace_id.to_string(), context.span_id.to_string()),
            (TRACE.into(), SPAN.into())
        );
    }
}

#[test]
fn a_traceparent_is_used_or_refused() {
    check_parent(&format!("00-{TRACE}-{SPAN}-01"), Some(1));
    check_parent(&format!("00-{TRACE}-{SPAN}-00"), Some(0));
    check_parent(&format!("00-{TRACE}-{SPAN}-03"), Some(3));
    check_parent(&format!("00-{TRACE}-{SPAN}-ff"), Some(0xff));
    check_parent(&format!(" 00-{TRACE}-{SPAN}-01\t"), Some(1));
    // later versions, with and without more fields
    check_parent(&format!("01-{TRACE}-{SPAN}-01"), Some(1));
    check_parent(
        &format!("cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like"),
        Some(1),
    );
    check_parent(&format!("cc-{TRACE}-{SPAN}-01."), None);
    check_parent(&format!("ff-{TRACE}-{SPAN}-01"), None);
    // shape
    check_parent("", None);
    check_parent("00", None);
    check_parent(&format!("00-{TRACE}-{SPAN}"), None);
    check_parent(&format!("00-{TRACE}-{SPAN}-1"), None);
    check_parent(&format!("00-{TRACE}-{SPAN}-01-"), None);
    check_parent(&format!("00-{TRACE}-{SPAN}-01-x"), None);
    check_parent(&format!("0-{TRACE}-{SPAN}-01"), None);
    check_parent(&format!("00_{TRACE}-{SPAN}-01"), None);
    check_parent(&format!("00-{TRACE}_{SPAN}-01"), None);
    check_parent(&format!("00-{TRACE}-{SPAN}_01"), None);
    // digits
    check_parent(&format!("00-{}-{SPAN}-01", TRACE.to_uppercase()), None);
    check_parent(&format!("00-{TRACE}-{}-01", SPAN.to_uppercase()), None);
    check_parent(&format!("00-{TRACE}-{SPAN}-0A"), None);
    check_parent(&format!(".0-{TRACE}-{SPAN}-01"), None);
    check_parent(&format!("00-{}-{SPAN}-01", "0".repeat(32)), None);
    check_parent(&format!("00-{TRACE}-{}-01", "0".repeat(16)), None);
}

/// The trace state that is kept of `header`; empty when it is refused.
fn check_state(header: &str, kept: &str) {
    let context = SpanContext::parse(&format!("00-{TRACE}-{SPAN}-01"), Some(header)).unwrap();
    assert_eq!(context.trace_state, kept, "{header:?}");
}

#[test]
fn a_tracestate_is_kept_or_dropped_while_the_traceparent_is_used() {
    check_state("", "");
    check_state("foo=1", "foo=1");
    check_state("foo=1 \t , \t bar=2,", "foo=1,bar=2");
    check_state(",,foo=1, ,bar=2", "foo=1,bar=2");
    check_state("foo= 1", "foo= 1");
    check_state("foo=a b", "foo=a b");
    check_state("1a_-*/@z=!~", "1a_-*/@z=!~");
    check_state("tenant@vendor=1,foo@@bar=2", "tenant@vendor=1,foo@@bar=2");
    // of two members with one key, the first
    check_state("foo=1,bar=2,foo=3", "foo=1,bar=2");
    // keys
    for header in [
        "foo",
        "foo =1",
        "FOO=1",
        "foo.bar=1",
        "@foo=1",
        "=1",
        "_a=1",
        "fö=1",
    ] {
        check_state(&format!("ok=1,{header}"), "");
    }
    // values
    for header in ["foo=", "foo=a=b", "foo=\u{1}", "foo=ü", "foo=a\tb"] {
        check_state(&format!("{header},ok=1"), "");
    }
}

#[test]
fn a_tracestate_has_limits() {
    let members = |count: usize| {
        (0..count)
            .map(|i| format!("k{i}=v"))
            .collect::<Vec<_>>()
            .join(",")
    };
    check_state(&members(32), &members(32));
    check_state(&members(33), "");
    let longest = format!("{}={}", "k".repeat(256), "v".repeat(256));
    check_state(&longest, &longest);
    check_state(&format!("k{longest}"), "");
    check_state(&format!("{longest}v"), "");
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
    fn no_header_makes_the_reader_panic(parent in "\\PC*", near in "[0-9a-fA-F\\-é]{50,60}", state in "\\PC*") {
        drop(SpanContext::parse(&parent, Some(&state)));
        drop(SpanContext::parse(&near, None));
        check_is_stable(&state);
    }
}

/// A kept state, read again, stays as it is.
fn check_is_stable(state: &str) {
    let parent = format!("00-{TRACE}-{SPAN}-01");
    let once = SpanContext::parse(&parent, Some(state)).unwrap().trace_state;
    assert_eq!(
        SpanContext::parse(&parent, Some(&once)).unwrap().trace_state,
        once
    );
}
