use std::collections::BTreeSet;

use super::*;
use crate::Value;

#[test]
fn a_span_is_named_by_its_prefix_and_target() {
    assert_eq!(
        ATTEMPT.name("Counter/{key}/add"),
        "invocation-attempt Counter/{key}/add"
    );
}

#[test]
fn no_name_stands_twice() {
    for names in [
        attr::KEYS,
        event::EVENTS,
        &SPANS.iter().map(|span| span.prefix).collect::<Vec<_>>(),
    ] {
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }
}

#[test]
fn keys_give_values_of_their_type() {
    assert_eq!(attr::ATTEMPT_NUMBER.value(3).value, Value::Int(3));
    assert_eq!(attr::INVOCATION_DURATION_MS.value(3.0).value, Value::Double(3.0));
    assert_eq!(attr::IDEMPOTENCY_REPLAYED.value(true).value, Value::Bool(true));
    let attribute = attr::ATTEMPT_CAUSE.value(attr::cause::FIRST);
    assert_eq!(attribute, crate::KeyValue::new("everspan.attempt.cause", "first"));
    assert_eq!(
        attr::RPC_SERVICE.value(String::from("Greeter")).value,
        "Greeter".into()
    );
}

#[test]
fn only_plain_commands_may_be_dropped_from_a_full_span() {
    let kept: Vec<_> = event::EVENTS
        .iter()
        .filter(|name| event::is_lifecycle(name))
        .collect();
    assert_eq!(kept.len(), event::EVENTS.len() - 1);
    assert!(!event::is_lifecycle(event::NEW_COMMAND));
}
