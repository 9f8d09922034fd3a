//! The rows of spans that functions report themselves.

use everspan_trace::derive_trace_id;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;

use super::scene::RECOVERED;
use crate::collector::text;

/// Those of this name: one for each of two subtasks of each of two runs.
fn told(name: &str) -> Vec<Span> {
    let spans = RECOVERED.of_scope("my::Look").into_iter();
    let spans: Vec<Span> = spans.filter(|span| span.name == name).collect();
    assert_eq!(spans.len(), 4, "{name}");
    spans
}

#[test]
fn start_ts_millis_and_end_ts_millis_are_start_and_end() {
    for span in told("Open") {
        assert_eq!(
            (span.start_time_unix_nano, span.end_time_unix_nano),
            (3_000_000, 5_000_000)
        );
    }
}

#[test]
fn without_an_end_a_span_ends_when_it_starts_and_without_a_start_it_starts_now() {
    for span in told("Begun") {
        assert_eq!(
            (span.start_time_unix_nano, span.end_time_unix_nano),
            (3_000_000, 3_000_000)
        );
    }
    let first = &RECOVERED.named("JobInitialization")[0];
    for span in told("Moment") {
        assert_eq!(span.start_time_unix_nano, span.end_time_unix_nano);
        assert!(span.start_time_unix_nano >= first.start_time_unix_nano);
    }
}

#[test]
fn attributes_are_text_whole_numbers_fractions_and_true_or_false() {
    let expected = [
        ("foo", Value::StringValue("bar".to_owned())),
        ("lines", Value::IntValue(7)),
        ("share", Value::DoubleValue(0.5)),
        ("warm", Value::BoolValue(true)),
    ];
    for span in told("Open") {
        for (key, value) in &expected {
            let found = span.attributes.iter().find(|of| of.key == *key).unwrap();
            let found = found.value.as_ref().and_then(|of| of.value.as_ref());
            assert_eq!(found, Some(value), "{key}");
        }
    }
}

#[test]
fn variables_of_the_group_tell_where_the_function_runs() {
    for name in ["Open", "Begun", "Moment"] {
        let mut numbers = Vec::new();
        for span in told(name) {
            assert_eq!(text(&span, "job_name"), "recovered");
            assert_eq!(text(&span, "job_id"), derive_trace_id(b"recovered").to_string());
            assert_eq!(text(&span, "operator_name"), "look");
            assert!(text(&span, "task_name").contains("look"));
            assert!(!text(&span, "host").is_empty());
            assert_eq!(text(&span, "room"), "north", "a group of the user's own");
            numbers.push(text(&span, "subtask_index"));
        }
        numbers.sort();
        assert_eq!(numbers, ["0", "0", "1", "1"], "two runs");
    }
}

#[test]
fn a_child_is_below_its_span_in_the_same_trace() {
    for parent in told("Open") {
        let children = RECOVERED.children(&parent);
        let names: Vec<&str> = children.iter().map(|child| child.name.as_str()).collect();
        assert_eq!(names, ["Read"]);
        assert!(parent.parent_span_id.is_empty());
    }
}
