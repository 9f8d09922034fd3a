//! Conversations: bytes and times in, actions out.

use everspan_protocol::frame::{encode, encode_message};
use everspan_protocol::ids::DeploymentId;
use everspan_protocol::message::{Error, OutputCommand, OutputResult, SleepCommand, Value};
use everspan_trace::{SpanContext, derive_span_id, derive_trace_id};

use super::*;
use crate::invocation::AttemptCause;
use crate::target::{HandlerKind, Target};

const V6: &str = "application/vnd.restate.invocation.v6";

struct Nobody;

impl Callees for Nobody {
    fn find(&self, _: &str, _: &str, _: bool) -> Option<HandlerFacts> {
        None
    }
}

fn settings() -> Settings {
    Settings {
        pin: Pin {
            deployment: DeploymentId::from_bytes([1; 16]),
            address: "http://localhost:9080".into(),
            protocol_version: 6,
            policy: RetryPolicy::default(),
        },
        policy: RetryPolicy::default(),
        inactivity_ms: 1000,
        abort_ms: 5000,
        message_max: 1000,
        bidirectional: true,
    }
}

fn start() -> StartAttempt {
    StartAttempt {
        id: InvocationId::from_parts(1, [2; 16]),
        attempt: 3,
        cause: AttemptCause::First,
        target: Target {
            service: "Greeter".into(),
            key: None,
            handler: "greet".into(),
        },
        kind: HandlerKind::Service,
        pin: None,
        span: SpanContext::sampled(derive_trace_id(b"t"), derive_span_id(b"t", 0)),
        replay: Bytes::from_static(b"replay"),
    }
}

fn begun(settings: Settings) -> (Attempt, Vec<Action>) {
    Attempt::begin(&start(), settings, 0)
}

fn talking() -> Attempt {
    let (mut attempt, _) = begun(settings());
    assert_eq!(attempt.response(200, Some(V6), V6, None, 0), []);
    attempt
}

/// A sleep, an output, the end.
fn stream() -> Vec<u8> {
    let sleep = SleepCommand {
        wake_up_time: 9,
        result_completion_id: 1,
        name: "nap".into(),
    };
    let output = OutputCommand {
        result: Some(OutputResult::Value(Value {
            content: Bytes::from_static(b"done"),
        })),
        name: String::new(),
    };
    let mut bytes = Vec::new();
    encode_message(MessageType::SLEEP_COMMAND, &sleep, &mut bytes);
    encode_message(MessageType::OUTPUT_COMMAND, &output, &mut bytes);
    encode(MessageType::END, b"", &mut bytes);
    bytes
}

/// All that was stored, as one; how often; and the other actions.
fn stored(actions: Vec<Action>) -> (Vec<StoredFrame>, Option<AttemptEnd>, usize, Vec<Action>) {
    let (mut frames, mut end, mut records, mut others) = (Vec::new(), None, 0, Vec::new());
    for action in actions {
        let Action::Store(progress) = action else {
            others.push(action);
            continue;
        };
        assert_eq!(progress.attempt, 3);
        assert_eq!(progress.pin.is_some(), records == 0, "the pin is told once");
        assert!(end.is_none(), "nothing follows the end");
        frames.extend(progress.frames);
        end = progress.end;
        records += 1;
    }
    (frames, end, records, others)
}

fn failure(actions: &[Action]) -> (u16, Option<u64>, String) {
    match actions {
        [Action::Store(progress), Action::Reset] => match &progress.end {
            Some(AttemptEnd::Failed(failed)) => (
                failed.error.code,
                failed.retry_after_ms,
                failed.error.message.clone(),
            ),
            end => panic!("{end:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn frames_cut_at_any_byte_are_the_same_frames() {
    let bytes = stream();
    let (whole, _, records, others) = stored(talking().data(bytes.clone().into(), &Nobody, 1));
    assert_eq!((whole.len(), records), (2, 1));
    assert_eq!(others, [Action::HalfClose]);
    for cut in 0..=bytes.len() {
        let mut attempt = talking();
        let mut actions = attempt.data(bytes[..cut].to_vec().into(), &Nobody, 1);
        actions.extend(attempt.data(bytes[cut..].to_vec().into(), &Nobody, 2));
        let (frames, end, ..) = stored(actions);
        assert_eq!((&frames, end), (&whole, Some(AttemptEnd::Ended)), "cut at {cut}");
        assert!(attempt.is_over());
    }
    let mut attempt = talking();
    let one_by_one = bytes
        .iter()
        .flat_map(|&byte| attempt.data(vec![byte].into(), &Nobody, 1));
    let (frames, end, records, _) = stored(one_by_one.collect());
    assert_eq!((frames, end, records), (whole, Some(AttemptEnd::Ended), 3));
}

#[test]
fn what_came_before_garbage_is_stored() {
    let mut bytes = stream();
    bytes.truncate(bytes.len() - 8);
    bytes.extend_from_slice(&[0x7f; 30]);
    let actions = talking().data(bytes.into(), &Nobody, 1);
    assert_eq!(failure(&actions).0, 571);
    assert_eq!(stored(actions).0.len(), 2);
}

#[test]
fn a_message_above_the_limit_is_refused() {
    let mut bytes = Vec::new();
    encode(MessageType::SLEEP_COMMAND, &[0; 1001], &mut bytes);
    let actions = talking().data(bytes.into(), &Nobody, 1);
    assert_eq!(failure(&actions).0, 571);
}

#[test]
fn responses_that_are_no_conversation_fail_the_attempt() {
    let cases = [
        ((500, Some(V6), None), (500, None)),
        ((404, None, None), (404, None)),
        ((429, None, Some(7000)), (429, Some(7000))),
        ((503, None, Some(1)), (503, Some(1))),
        ((200, None, None), (571, None)),
        (
            (200, Some("application/vnd.restate.invocation.v5"), None),
            (571, None),
        ),
    ];
    for ((status, content_type, retry_after), (code, delay)) in cases {
        let (mut attempt, _) = begun(settings());
        let actions = attempt.response(status, content_type, V6, retry_after, 0);
        let (got_code, got_delay, message) = failure(&actions);
        assert_eq!((got_code, got_delay), (code, delay), "{message}");
        let Action::Store(progress) = &actions[0] else {
            panic!()
        };
        assert_eq!(progress.pin, None, "who did not answer is not pinned");
        assert_eq!(attempt.data(stream().into(), &Nobody, 1), []);
        assert_eq!(
            (attempt.finished(), attempt.broken("later"), attempt.deadline_ms()),
            (vec![], vec![], None)
        );
    }
}

#[test]
fn a_stream_that_ends_without_an_end_failed() {
    assert_eq!(failure(&talking().finished()).0, 571);
    let mut attempt = talking();
    attempt.data(stream()[..5].to_vec().into(), &Nobody, 1);
    assert!(failure(&attempt.finished()).2.contains("middle of a message"));
    let (mut unanswered, _) = begun(settings());
    assert_eq!(
        failure(&unanswered.broken("connection refused")),
        (500, None, "connection refused".into())
    );
}

#[test]
fn an_error_the_service_reports_ends_in_order() {
    let mut bytes = Vec::new();
    let error = Error {
        code: 500,
        message: "boom".into(),
        next_retry_delay: Some(20),
        ..Error::default()
    };
    encode_message(MessageType::ERROR, &error, &mut bytes);
    let (_, end, _, others) = stored(talking().data(bytes.into(), &Nobody, 1));
    let Some(AttemptEnd::Failed(failed)) = end else {
        panic!("{end:?}")
    };
    assert_eq!(
        (failed.error.message.as_str(), failed.retry_after_ms),
        ("boom", Some(20))
    );
    assert_eq!(others, [Action::HalfClose]);
}

#[test]
fn silence_asks_to_suspend_and_then_aborts() {
    let mut attempt = talking();
    assert_eq!(attempt.deadline_ms(), Some(1000));
    assert_eq!(attempt.tick(999), []);
    let notification = Bytes::from_static(b"frame");
    assert_eq!(
        attempt.notify(notification.clone(), 500),
        [Action::Send(notification.clone())]
    );
    assert_eq!(attempt.tick(1000), [], "a notification breaks the silence");
    assert_eq!(attempt.tick(1500), [Action::HalfClose]);
    assert_eq!(attempt.notify(notification, 1600), [], "the request is over");
    assert_eq!(attempt.deadline_ms(), Some(6500));
    assert_eq!(attempt.tick(6499), []);
    assert_eq!(failure(&attempt.tick(6500)).0, 500);
    assert!(attempt.is_over());
}

#[test]
fn without_a_second_direction_the_request_ends_at_once() {
    for (bidirectional, inactivity_ms) in [(false, 1000), (true, 0)] {
        let (mut attempt, actions) = begun(Settings {
            bidirectional,
            inactivity_ms,
            ..settings()
        });
        assert_eq!(
            actions,
            [Action::Send(Bytes::from_static(b"replay")), Action::HalfClose]
        );
        assert_eq!(attempt.notify(Bytes::from_static(b"frame"), 1), []);
        attempt.response(200, Some(V6), V6, None, 2);
        let (_, end, _, others) = stored(attempt.data(stream().into(), &Nobody, 3));
        assert_eq!((end, others), (Some(AttemptEnd::Ended), vec![]));
    }
}
