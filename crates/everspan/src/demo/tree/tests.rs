//! Trees as golden text.

use everspan_trace::catalog::{attr, event};

use super::draw;
use crate::demo::span::{Attributes, ShownEvent, ShownSpan};
use crate::run::screen::Paint;

const MS: u64 = 1_000_000;

/// A span of the invocation `inv_1` from `at.0` to `at.1` ms; id and parent are single bytes, 0 is none.
fn span((id, parent): (u8, u8), name: &str, at: (u64, u64), attributes: &[(&str, &str)]) -> ShownSpan {
    let bytes = |id: u8| if id == 0 { Vec::new() } else { vec![id] };
    let mut attributes = map(attributes);
    attributes
        .entry(attr::INVOCATION_ID.name.to_owned())
        .or_insert_with(|| "inv_1".to_owned());
    ShownSpan {
        trace_id: vec![0xab, 0x01],
        span_id: bytes(id),
        parent_id: bytes(parent),
        name: name.to_owned(),
        start_ns: 1_000 * MS + at.0 * MS,
        end_ns: 1_000 * MS + at.1 * MS,
        attributes,
        ..ShownSpan::default()
    }
}

fn attempt(ids: (u8, u8), at: (u64, u64), (number, cause, outcome): (&str, &str, &str)) -> ShownSpan {
    let attributes = [
        (attr::ATTEMPT_NUMBER.name, number),
        (attr::ATTEMPT_CAUSE.name, cause),
        (attr::ATTEMPT_OUTCOME.name, outcome),
    ];
    span(ids, "invocation-attempt G/g", at, &attributes)
}

fn at(ms: u64, name: &str, attributes: &[(&str, &str)]) -> ShownEvent {
    ShownEvent {
        name: name.to_owned(),
        time_ns: (1_000 + ms) * MS,
        attributes: map(attributes),
    }
}

fn map(attributes: &[(&str, &str)]) -> Attributes {
    attributes
        .iter()
        .map(|&(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn check(spans: &[ShownSpan], width: usize, expected: &str) {
    let drawn = draw(spans, width, Paint::plain());
    assert_eq!(drawn.trim_end(), expected.trim_matches('\n'), "\n{drawn}");
    let mut backwards = spans.to_vec();
    backwards.reverse();
    assert_eq!(
        draw(&backwards, width, Paint::plain()),
        drawn,
        "the order of arrival does not matter"
    );
}

#[test]
fn retries_show_their_error_and_the_wait_between() {
    let run = [
        (attr::COMMAND_TYPE.name, "Command/Run"),
        (attr::COMMAND_NAME.name, "send"),
    ];
    let mut failed = attempt((3, 2), (0, 20), ("1", "first", "retryable_error"));
    failed.error = Some("busy\nat mail.rs:7".to_owned());
    failed
        .attributes
        .insert(attr::ERROR_CODE.name.to_owned(), "503".to_owned());
    failed.events = vec![at(5, event::NEW_COMMAND, &run), at(20, event::EXCEPTION, &[])];
    let mut second = attempt((4, 2), (80, 98), ("2", "retry", "completed"));
    second.events = vec![at(90, event::RUN_ENDED, &[(attr::RUN_RESULT.name, "success")])];
    let end = [
        (attr::INVOCATION_RESULT.name, "success"),
        (attr::INVOCATION_RUNNING_MS.name, "38"),
        (attr::INVOCATION_BACKOFF_MS.name, "60"),
    ];
    let spans = [
        span((1, 0), "ingress G/g", (0, 1), &[]),
        span((2, 1), "invocation-start G/g", (0, 0), &[]),
        failed,
        second,
        span((5, 2), "invocation-end G/g", (100, 100), &end),
    ];
    check(
        &spans,
        80,
        r#"
trace ab01, 5 spans, 100 ms
ingress G/g                     1.0 ms  ▏
└─ invocation-start G/g           0 ms  ▏
   ├─ invocation-attempt G/g     20 ms  ████                #1 ✗ retryable_error
   │        +5.0 ms  run "send"
   │          error  503 busy
   ┊  waits for the retry        60 ms     ···········
   ├─ invocation-attempt G/g     18 ms                ████  #2 retry ✓ completed
   │         +10 ms  run ended: success
   └─ invocation-end G/g          0 ms                   ▏  ✓ success
               time  38 ms running, 60 ms waiting for retries
"#,
    );
}

#[test]
fn calls_stand_between_the_events_of_their_caller() {
    let call = [
        (attr::COMMAND_TYPE.name, "Command/Call"),
        (attr::CALL_TARGET.name, "C/k/add"),
    ];
    let output = [(attr::COMMAND_TYPE.name, "Command/Output")];
    let mut caller = attempt((2, 1), (0, 40), ("1", "first", "completed"));
    caller.events = vec![
        at(10, event::NEW_COMMAND, &call),
        at(40, event::NEW_COMMAND, &output),
    ];
    let callee = (attr::INVOCATION_ID.name, "inv_2");
    let spans = [
        span((1, 0), "invocation-start G/g", (0, 0), &[]),
        caller,
        span((3, 2), "invocation-start C/{key}/add", (10, 12), &[callee]),
        span(
            (4, 3),
            "invocation-end C/{key}/add",
            (30, 30),
            &[callee, (attr::INVOCATION_RESULT.name, "failure")],
        ),
    ];
    check(
        &spans,
        80,
        r#"
trace ab01, 4 spans, 40 ms
invocation-start G/g                     0 ms  ▏
└─ invocation-attempt G/g               40 ms  █████████████████  #1 ✓ completed
   │      +10 ms  call C/k/add
   ├─ invocation-start C/{key}/add     2.0 ms      █
   │  └─ invocation-end C/{key}/add      0 ms              ▏      ✗ failure
   └      +40 ms  output
"#,
    );
}

#[test]
fn a_suspension_says_what_it_waits_for() {
    let mut first = attempt((1, 9), (0, 30), ("1", "first", "suspended"));
    first.events = vec![at(30, event::SUSPENDED, &[(attr::AWAITING.name, "a timer")])];
    let spans = [first, attempt((2, 9), (90, 100), ("2", "resume", "completed"))];
    check(
        &spans,
        80,
        r#"
trace ab01, 2 spans, 100 ms
invocation-attempt G/g             30 ms  █████            #1 ‖ suspended
       +30 ms  suspended, waits for a timer
suspended, holds no connection     60 ms      ··········
invocation-attempt G/g             10 ms               ██  #2 resume ✓ completed
"#,
    );
}

#[test]
fn text_from_elsewhere_cannot_steer_the_terminal() {
    let mut hostile = span((1, 0), "in\x1b[2Jgress", (0, 1), &[]);
    hostile.error = Some("\x1b]0;title\x07".to_owned());
    hostile.events = vec![at(0, "na\rme", &[])];
    assert!(!draw(&[hostile], 80, Paint::plain()).contains(['\x1b', '\x07', '\r']));
}

#[test]
fn parents_that_are_missing_or_in_a_circle_hide_nothing() {
    let spans = [
        span((1, 8), "orphan", (0, 1), &[]),
        span((2, 3), "one", (1, 2), &[]),
        span((3, 2), "other", (2, 3), &[]),
        span((4, 4), "own", (3, 4), &[]),
    ];
    let drawn = draw(&spans, 80, Paint::plain());
    for name in ["orphan", "one", "other", "own"] {
        assert_eq!(drawn.matches(name).count(), 1, "{drawn}");
    }
    assert_eq!(draw(&[], 80, Paint::plain()), "no spans\n");
}

#[test]
fn a_span_with_many_events_shows_the_first_and_the_newest() {
    let mut busy = attempt((1, 0), (0, 100), ("1", "first", "completed"));
    busy.events = (0..60)
        .map(|n| {
            at(
                n,
                event::NEW_COMMAND,
                &[(attr::COMMAND_TYPE.name, "Command/Sleep")],
            )
        })
        .collect();
    let drawn = draw(&[busy], 80, Paint::plain());
    assert!(
        drawn.contains("…  20 events not shown") && drawn.contains("+59 ms"),
        "{drawn}"
    );
}
