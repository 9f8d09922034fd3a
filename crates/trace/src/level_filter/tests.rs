use proptest::prelude::*;

use super::*;
use crate::catalog::{self, attr};
use crate::{SpanContext, SpanId, TraceId};

fn span(def: &catalog::SpanDef, target: &str) -> Span {
    let context = SpanContext::sampled(TraceId([1; 16]), SpanId([1; 8]));
    let mut span = Span::new(def, target, context, 1, 2);
    span.attributes = vec![
        attr::INVOCATION_TARGET.value("Counter/k1/add"),
        attr::ATTEMPT_NUMBER.value(12),
        attr::INVOCATION_QUEUED_MS.value(1.5),
        attr::IDEMPOTENCY_REPLAYED.value(true),
    ];
    span
}

fn check(filter: &str, span: &Span, taken: bool) {
    let parsed: LevelFilter = filter.parse().unwrap_or_else(|error| panic!("{filter}: {error}"));
    assert_eq!(parsed.takes(span), taken, "{filter}");
    assert!(!taken || parsed.may_take(&span.scope, &span.name), "{filter}");
    assert!(taken || !parsed.takes_all(), "{filter}");
    let by_name = parsed.takes_by_name(&span.scope, &span.name);
    assert_eq!(by_name.unwrap_or(taken), taken, "{filter}");
    assert!(
        by_name.is_some() || filter.contains('{'),
        "{filter} has no attributes"
    );
}

#[test]
fn the_level_of_spans_is_info() {
    let span = span(&catalog::ATTEMPT, "Counter/{key}/add");
    for level in [
        "trace",
        "debug",
        "info",
        "INFO",
        "3",
        "5",
        "everspan",
        "everspan=",
        "everspan=info",
    ] {
        check(level, &span, true);
    }
    for level in [
        "warn",
        "error",
        "off",
        "Off",
        "0",
        "2",
        "everspan=warn",
        "other",
        "other=trace",
    ] {
        check(level, &span, false);
    }
    assert_eq!(LevelFilter::default(), "info".parse().unwrap());
    assert!(LevelFilter::default().takes_all());
    assert!("debug,other=info".parse::<LevelFilter>().unwrap().takes_all());
    assert!(!"everspan=info".parse::<LevelFilter>().unwrap().takes_all());
}

#[test]
fn the_most_specific_directive_decides() {
    let span = span(&catalog::ATTEMPT, "Counter/{key}/add");
    for (filter, taken) in [
        ("off,everspan=info", true),
        ("everspan=info,off", true),
        ("info,everspan.invocation=off", false),
        ("everspan.invocation=info,everspan=off", true),
        ("everspan.invocation.more=info", false),
        ("info,everspan[invocation-attempt]=off", false),
        ("everspan[invocation-attempt]=off,everspan.invocation=info", true),
        ("info,[invocation-attempt{everspan.attempt.number=12}]=off", false),
        (
            "off,[invocation-attempt]=info,[invocation-attempt{everspan.attempt.number}]=off",
            false,
        ),
        // of equals the last
        ("everspan=off,everspan=info", true),
        ("info,off", false),
        ("info,,", true),
    ] {
        check(filter, &span, taken);
    }
}

#[test]
fn a_span_is_called_by_its_kind_or_its_whole_name() {
    let keyed = span(&catalog::INGRESS, "Counter/{key}/add");
    check("[ingress]", &keyed, true);
    check("[ingress]=off", &keyed, false);
    check("[ingress Counter/{key}/add]", &keyed, true);
    check(
        "[ingress Counter/{key}/add{everspan.attempt.number}]",
        &keyed,
        true,
    );
    check(
        "[\"ingress Counter/{key}/add\"{everspan.attempt.number=1}]",
        &keyed,
        false,
    );
    check("[ingress Counter]", &keyed, false);
    check("[invocation-attempt]", &keyed, false);
}

#[test]
fn a_field_is_an_attribute_with_a_value_or_any() {
    let span = span(&catalog::ATTEMPT, "Counter/{key}/add");
    for (field, taken) in [
        ("everspan.attempt.number", true),
        ("everspan.attempt", false),
        ("everspan.attempt.number=12", true),
        ("everspan.attempt.number=1", false),
        ("everspan.attempt.number=1.", true),
        ("everspan.invocation.queued_ms=1.5", true),
        ("everspan.invocation.queued_ms=1.50", true),
        ("everspan.invocation.queued_ms=1", false),
        ("everspan.idempotency.replayed=true", true),
        ("everspan.idempotency.replayed=false", false),
        ("restate.invocation.target=Counter/k1/add", true),
        ("restate.invocation.target=Counter/.*", true),
        ("restate.invocation.target=Counter", false),
        ("restate.invocation.target=\"C[a-z]{1,6}/k1/add|x\"", true),
        ("restate.invocation.target=x|y", false),
        (
            "restate.invocation.target=\"Counter/k1/add\", everspan.attempt.number=12",
            true,
        ),
        (
            "restate.invocation.target=\"Counter/k1/add\", everspan.attempt.number=13",
            false,
        ),
    ] {
        check(&format!("[{{{field}}}]"), &span, taken);
        check(
            &format!("off,everspan[invocation-attempt{{{field}}}]=info"),
            &span,
            taken,
        );
        check(
            &format!("info,everspan[invocation-attempt{{{field}}}]=warn"),
            &span,
            !taken,
        );
    }
}

#[test]
fn what_no_attribute_could_let_through_need_not_be_built() {
    for (filter, may) in [
        ("off", false),
        ("[{a}]", true),
        ("[{a}]=off", false),
        ("info,[{a}]=off", true),
        ("off,[invocation-attempt]=info", true),
        ("off,[ingress]=info", false),
        ("off,[invocation-attempt{a}]=info", true),
        ("everspan=off,[invocation-attempt{a}]=info", false),
    ] {
        let filter: LevelFilter = filter.parse().unwrap();
        assert_eq!(
            filter.may_take("everspan.invocation", "invocation-attempt X/y"),
            may,
            "{filter:?}"
        );
    }
}

#[test]
fn a_mistake_names_the_directive() {
    let syntax = |directive: &str, why: &str| {
        format!("directive `{directive}` is not target[span{{field=value}}]=level: {why}")
    };
    for (filter, message) in [
        ("", "the filter is empty: use `info` for all spans, `off` for none".to_owned()),
        (" , ", "the filter is empty: use `info` for all spans, `off` for none".to_owned()),
        (
            "info,everspan=loud",
            "directive `everspan=loud` has the unknown level `loud`: use off, error, warn, info, debug or trace"
                .to_owned(),
        ),
        ("a[b=info", syntax("a[b=info", "`[` is not closed")),
        ("info,a[b]info", syntax("a[b]info", "after `]` only a level can follow")),
        ("a[b}]", syntax("a[b}]", "`}` was not opened")),
        ("a[]", syntax("a[]", "the brackets name neither a span nor a field")),
        ("a[{}]", syntax("a[{}]", "a field has no name")),
        ("a[{=1}]", syntax("a[{=1}]", "a field has no name")),
        ("every span=info", syntax("every span=info", "a target is the beginning of a scope")),
    ] {
        assert_eq!(filter.parse::<LevelFilter>().unwrap_err().to_string(), message);
    }
    for filter in ["a[{b=(}]", "a[{b=x)|(y}]"] {
        let error = filter.parse::<LevelFilter>().unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("directive `{filter}` has a value")),
            "{error}"
        );
    }
}

proptest! {
    #[test]
    fn no_filter_makes_the_reader_panic(any in "\\PC*", near in "[a=,\\[\\]{}\" ü(*]{0,16}") {
        drop(any.parse::<LevelFilter>());
        drop(near.parse::<LevelFilter>());
    }
}
