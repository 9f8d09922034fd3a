//! The rows of the trace contract (TRACES §1), each read off the spans of a scene.

use everspan_durable::machine::Takers;
use everspan_durable::policy::OnMaxAttempts;
use everspan_durable::record::{Message, Outcome, SignalName};
use everspan_durable::target::HandlerKind;
use everspan_protocol::ids::InvocationId;
use everspan_trace::catalog::event;
use everspan_trace::{Event, KeyValue, Span, SpanKind, Status, Value};

use crate::lifecycle::greet;
use crate::sdk::Ctx;
use crate::stop::{Stop, error};
use crate::waiting::{hold, nap};
use crate::world::World;

mod end_rows;
mod event_rows;
mod link_rows;
mod request_rows;

/// The value of an attribute, as text.
pub(crate) fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    Some(match &found.value {
        Value::Str(text) => text.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Double(number) => number.to_string(),
        Value::Bool(yes) => yes.to_string(),
    })
}

pub(crate) fn of_kind<'a>(world: &'a World, id: &InvocationId, kind: &str) -> Vec<&'a Span> {
    let spans = world.spans_of(id).into_iter();
    spans
        .filter(|span| span.name.starts_with(&format!("{kind} ")))
        .collect()
}

fn the_one<'a>(world: &'a World, id: &InvocationId, kind: &str) -> &'a Span {
    match of_kind(world, id, kind)[..] {
        [span] => span,
        ref spans => panic!("{} spans {kind}", spans.len()),
    }
}

fn events<'a>(span: &'a Span, name: &str) -> Vec<&'a Event> {
    span.events.iter().filter(|event| event.name == name).collect()
}

fn terminal(_: &mut Ctx) -> Result<String, Stop> {
    Err(Stop::Terminal(everspan_protocol::message::Failure::new(
        418, "no tea",
    )))
}

fn broken(_: &mut Ctx) -> Result<String, Stop> {
    Err(error("boom", None))
}

fn flaky(ctx: &mut Ctx) -> Result<String, Stop> {
    if ctx.start.retry_count_since_last_stored_entry == 0 {
        return Err(error("not yet", None));
    }
    Ok("done".into())
}

/// Catches a cancellation and ends well.
fn stubborn(ctx: &mut Ctx) -> Result<String, Stop> {
    let (_, signal) = ctx.awakeable();
    match ctx.value(signal) {
        Err(Stop::Terminal(_)) => Ok("so be it".into()),
        other => other,
    }
}

fn failing_cleanup(ctx: &mut Ctx) -> Result<String, Stop> {
    let (_, signal) = ctx.awakeable();
    match ctx.value(signal) {
        Err(Stop::Terminal(_)) => Err(Stop::Terminal(everspan_protocol::message::Failure::new(
            500, "torn",
        ))),
        other => other,
    }
}

fn resolve(id: InvocationId) -> Message {
    Message::Signal {
        id,
        name: SignalName::Index(17),
        outcome: Some(Outcome::Success("free".into())),
    }
}

/// What happens to an invocation, by name.
fn scene(name: &str) -> (World, InvocationId) {
    let mut world = World::new();
    for (handler, code) in [
        ("greet", greet as fn(&mut Ctx) -> Result<String, Stop>),
        ("terminal", terminal),
        ("broken", broken),
        ("flaky", flaky),
        ("hold", hold),
        ("stubborn", stubborn),
        ("failing_cleanup", failing_cleanup),
        ("nap", nap),
    ] {
        world.serve("Svc", handler, HandlerKind::Service, code);
    }
    world.policy.max_attempts = Some(2);
    if name == "exhausted" {
        world.policy.on_max_attempts = OnMaxAttempts::Kill;
    }
    let handler = match name {
        "completed" => "greet",
        "failed" => "terminal",
        "retried" => "flaky",
        "paused" | "exhausted" => "broken",
        "suspended" => "nap",
        "cancel caught" => "stubborn",
        "cancel failed" => "failing_cleanup",
        _ => "hold",
    };
    let id = world.submit(&format!("Svc/{handler}"), "Ada");
    match name {
        "cancelled" | "cancel caught" | "cancel failed" => world.ask(Message::Cancel(id)),
        "killed" => world.ask(Message::Kill(id)),
        "crashed" => world.crash(),
        "stopped" => world.restart(),
        "cancelled suspended" => {
            world.wait_ms(2000);
            world.ask(Message::Cancel(id));
        }
        "killed suspended" => {
            world.wait_ms(2000);
            world.ask(Message::Kill(id));
        }
        _ => world.wait_ms(20_000),
    }
    if matches!(name, "crashed" | "stopped") {
        world.ask(resolve(id));
    }
    (world, id)
}

const SCENES: [&str; 13] = [
    "completed",
    "failed",
    "retried",
    "paused",
    "exhausted",
    "suspended",
    "cancelled",
    "cancel caught",
    "cancel failed",
    "cancelled suspended",
    "killed",
    "crashed",
    "stopped",
];

/// Of each scene the attempts: cause, outcome, status, and the event that ends it.
const ATTEMPTS: [(&str, &[[&str; 4]]); 14] = [
    ("completed", &[["first", "completed", "ok", ""]]),
    ("failed", &[["first", "completed", "ok", ""]]),
    (
        "retried",
        &[
            ["first", "retryable_error", "not yet", event::EXCEPTION],
            ["retry", "completed", "ok", ""],
        ],
    ),
    (
        "paused",
        &[
            ["first", "retryable_error", "boom", event::EXCEPTION],
            ["retry", "paused", "boom", event::EXCEPTION],
        ],
    ),
    (
        "exhausted",
        &[
            ["first", "retryable_error", "boom", event::EXCEPTION],
            ["retry", "retryable_error", "boom", event::EXCEPTION],
        ],
    ),
    (
        "suspended",
        &[
            ["first", "suspended", "unset", event::SUSPENDED],
            ["resume", "completed", "ok", ""],
        ],
    ),
    ("cancelled", &[["first", "cancelled", "ok", ""]]),
    ("cancel caught", &[["first", "completed", "ok", ""]]),
    ("cancel failed", &[["first", "completed", "ok", ""]]),
    (
        "cancelled suspended",
        &[
            ["first", "suspended", "unset", event::SUSPENDED],
            ["resume", "cancelled", "ok", ""],
        ],
    ),
    ("killed", &[["first", "killed", "unset", ""]]),
    (
        "killed suspended",
        &[["first", "suspended", "unset", event::SUSPENDED]],
    ),
    (
        "crashed",
        &[
            ["first", "crashed", "unset", ""],
            ["restart", "completed", "ok", ""],
        ],
    ),
    (
        "stopped",
        &[
            ["first", "yielded", "unset", event::YIELDED],
            ["restart", "completed", "ok", ""],
        ],
    ),
];

#[test]
fn rows_attempt_number_cause_outcome_status_and_last_event() {
    for (name, expected) in ATTEMPTS {
        let (world, id) = scene(name);
        let attempts = of_kind(&world, &id, "invocation-attempt");
        assert_eq!(attempts.len(), expected.len(), "{name}");
        for ((number, span), row) in (1..).zip(&attempts).zip(expected) {
            let [cause, outcome, status, last] = row;
            let value = |key: &str| text(&span.attributes, key).unwrap_or_default();
            assert_eq!(value("everspan.attempt.number"), number.to_string(), "{name}");
            assert_eq!(&value("everspan.attempt.cause"), cause, "{name} {number}");
            assert_eq!(&value("everspan.attempt.outcome"), outcome, "{name} {number}");
            let said = match &span.status {
                Status::Ok => "ok",
                Status::Unset => "unset",
                Status::Error(message) => message,
            };
            assert_eq!(said, *status, "{name} {number}");
            let ended = span
                .events
                .last()
                .filter(|event| event.name != event::NEW_COMMAND);
            assert_eq!(ended.map_or("", |event| &*event.name), *last, "{name} {number}");
            if !last.is_empty() {
                assert_eq!(span.events.last().unwrap().time_ns, span.end_ns);
            }
        }
    }
}

#[test]
fn rows_kind_parent_and_trace_of_all_four() {
    for name in SCENES {
        let (world, id) = scene(name);
        let ingress = the_one(&world, &id, "ingress");
        let start = the_one(&world, &id, "invocation-start");
        assert_eq!((ingress.kind, ingress.parent), (SpanKind::Server, None), "{name}");
        assert_eq!(
            (start.kind, start.parent),
            (SpanKind::Consumer, Some(ingress.context.span_id))
        );
        assert_eq!((&ingress.status, &start.status), (&Status::Unset, &Status::Unset));
        let below = Some(start.context.span_id);
        for attempt in of_kind(&world, &id, "invocation-attempt") {
            assert_eq!(
                (attempt.kind, attempt.parent),
                (SpanKind::Client, below),
                "{name}"
            );
            assert!(attempt.start_ns >= start.end_ns && attempt.start_ns <= attempt.end_ns);
        }
        for end in of_kind(&world, &id, "invocation-end") {
            assert_eq!((end.kind, end.parent), (SpanKind::Internal, below), "{name}");
        }
        for span in world.spans_of(&id) {
            assert_eq!(span.context.trace_id, ingress.context.trace_id, "{name}");
            assert_eq!(span.scope, "everspan.invocation");
            let value = |key: &str| text(&span.attributes, key).unwrap_or_default();
            assert_eq!(value("restate.invocation.id"), id.to_string());
            assert_eq!(
                value("restate.invocation.target"),
                format!("Svc/{}", value("rpc.method"))
            );
            assert_eq!(value("rpc.service"), "Svc");
        }
    }
}

#[test]
fn row_attempt_retry_next_at_and_count() {
    let (world, id) = scene("paused");
    let attempts = of_kind(&world, &id, "invocation-attempt");
    let value = |index: usize, key: &str| text(&attempts[index].attributes, key);
    let next_at = value(0, "everspan.retry.next_at").unwrap();
    let next_at: jiff::Timestamp = next_at.parse().unwrap();
    assert_eq!(next_at.as_nanosecond(), i128::from(attempts[1].start_ns));
    assert_eq!(value(0, "everspan.retry.count").as_deref(), Some("1"));
    assert_eq!(value(1, "everspan.retry.next_at"), None);
    assert_eq!(value(1, "everspan.retry.count").as_deref(), Some("2"));
}

#[test]
fn row_attempt_error_code_and_exception_carry_what_the_service_said() {
    fn told(_: &mut Ctx) -> Result<String, Stop> {
        let error = everspan_protocol::message::Error {
            code: 503,
            message: "the database is away".into(),
            stacktrace: "at line 7".into(),
            ..everspan_protocol::message::Error::default()
        };
        Err(Stop::Fail(error))
    }
    let mut world = World::new();
    world.serve("Svc", "told", HandlerKind::Service, told);
    let id = world.submit("Svc/told", "");
    let attempt = the_one(&world, &id, "invocation-attempt");
    assert_eq!(
        attempt
            .attributes
            .iter()
            .find(|a| a.key == "error.code")
            .unwrap()
            .value,
        Value::Int(503)
    );
    let [exception] = events(attempt, event::EXCEPTION)[..] else {
        panic!("one exception")
    };
    let value = |key: &str| text(&exception.attributes, key).unwrap();
    assert_eq!(value("exception.type"), "503");
    assert_eq!(value("exception.message"), "the database is away");
    assert_eq!(value("exception.stacktrace"), "at line 7");
}

#[test]
fn row_attempt_deployment() {
    let (world, id) = scene("retried");
    for attempt in of_kind(&world, &id, "invocation-attempt") {
        let value = |key: &str| text(&attempt.attributes, key).unwrap();
        assert!(value("restate.deployment.id").starts_with("dp_"));
        assert_eq!(value("restate.deployment.address"), "http://localhost:9080");
        assert_eq!(value("restate.deployment.service_protocol_version"), "6");
    }
}

#[test]
fn nobody_who_takes_a_kind_of_span_none_is_told() {
    let mut world = World::new();
    world.options.spans.takers =
        Takers::Named(std::sync::Arc::new(|name| name == "invocation-end Svc/greet"));
    world.crash();
    world.serve("Svc", "greet", HandlerKind::Service, greet);
    let id = world.submit("Svc/greet", "");
    let names: Vec<_> = world.spans_of(&id).iter().map(|span| span.name.clone()).collect();
    assert_eq!(names, ["invocation-end Svc/greet"]);
}
