//! The bytes of records, pinned: what an older server wrote must stay readable.
//!
//! `records.hex` holds one record a line. A changed line means a changed format: append a variant instead, or raise
//! `RECORD_VERSION` and keep reading the old one. `EVERSPAN_BLESS=1` writes the file anew.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fmt::Write;

use everspan_durable::policy::{OnMaxAttempts, Retention, RetryPolicy};
use everspan_durable::record::{
    AttemptEnd, AttemptError, Awaiting, Body, Expiry, Failed, Failure, HandlerFacts, IngressRequest, Message,
    Outcome, Pin, Progress, Record, SignalName, Source, StoredFrame, Submission, Timer, TimerPurpose,
    TraceOrigin, Waiter,
};
use everspan_durable::target::{HandlerKind, Target};
use everspan_protocol::ids::{DeploymentId, InvocationId};
use everspan_trace::{SpanContext, SpanId, TraceId};

const PINNED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/records.hex");

fn id() -> InvocationId {
    InvocationId::from_parts(0x0102_0304_0506_0708, [9; 16])
}

fn waiter() -> Waiter {
    Waiter {
        id: id(),
        completion_id: 3,
        notification: 0x800d,
    }
}

fn policy() -> RetryPolicy {
    RetryPolicy {
        max_attempts: None,
        on_max_attempts: OnMaxAttempts::Kill,
        ..RetryPolicy::default()
    }
}

fn facts() -> HandlerFacts {
    HandlerFacts {
        kind: HandlerKind::Exclusive,
        retention: Retention {
            completion_ms: 2,
            journal_ms: 1,
        },
        lazy_state: true,
    }
}

fn submission(source: Source) -> Box<Submission> {
    let cause = SpanContext {
        trace_id: TraceId([1; 16]),
        span_id: SpanId([2; 8]),
        flags: 3,
        trace_state: "a=b".into(),
    };
    Box::new(Submission {
        id: id(),
        target: Target {
            service: "Counter".into(),
            key: Some("k".into()),
            handler: "add".into(),
        },
        handler: facts(),
        headers: vec![("name".into(), "value".into())],
        argument: "1".into(),
        execute_at_ms: Some(5),
        idempotency_key: Some("once".into()),
        source,
        trace: TraceOrigin { cause, joins: true },
    })
}

fn ingress() -> Source {
    Source::Ingress(IngressRequest {
        span_id: SpanId([2; 8]),
        parent: Some(SpanId([4; 8])),
        received_ns: 6,
        method: "POST".into(),
        path: "/Counter/k/add".into(),
        client: Some(("::1".into(), 7)),
        user_agent: Some("curl/8".into()),
        one_way: true,
    })
}

fn progress(end: AttemptEnd) -> Body {
    let pin = Pin {
        deployment: DeploymentId::from_bytes([5; 16]),
        address: "http://h:1/".into(),
        protocol_version: 6,
        policy: policy(),
    };
    let frames = vec![StoredFrame {
        ty: 0x040d,
        body: "body".into(),
        callee: Some(facts()),
    }];
    Body::Progress(Box::new(Progress {
        id: id(),
        attempt: 2,
        pin: Some(pin),
        frames,
        end: Some(end),
    }))
}

fn failed() -> AttemptEnd {
    let error = AttemptError {
        code: 570,
        message: "no".into(),
        stacktrace: "at".into(),
    };
    AttemptEnd::Failed(Failed {
        error,
        policy: policy(),
        retry_after_ms: Some(8),
    })
}

fn timer(purpose: TimerPurpose) -> Body {
    Body::TimerFired(Timer {
        at_ms: 9,
        id: id(),
        purpose,
    })
}

/// One of each kind, and of each kind within.
fn bodies() -> Vec<Body> {
    let awaiting = Awaiting {
        completions: vec![1],
        signals: vec![17],
        named_signals: vec!["go".into()],
    };
    let failure = Failure {
        metadata: vec![("k".into(), "v".into())],
        ..Failure::new(409, "killed")
    };
    let outcome = Some(Outcome::Failure(failure));
    let name = SignalName::Name("go".into());
    let signal = Message::Signal {
        id: id(),
        name,
        outcome: Some(Outcome::Success("ok".into())),
    };
    let by_index = Message::Signal {
        id: id(),
        name: SignalName::Index(1),
        outcome: None,
    };
    vec![
        Body::Started { attempts_max: 1000 },
        Body::Submit(submission(ingress())),
        progress(AttemptEnd::Ended),
        progress(AttemptEnd::Suspended(awaiting)),
        progress(failed()),
        timer(TimerPurpose::Begin),
        timer(TimerPurpose::Retry { attempt: 4 }),
        timer(TimerPurpose::Sleep { completion_id: 5 }),
        Body::Delivered {
            from: 1,
            seq: 2,
            message: Message::Invoke(submission(Source::Call(waiter()))),
        },
        Body::Delivered {
            from: 1,
            seq: 3,
            message: Message::Invoke(submission(Source::Send(id()))),
        },
        Body::Delivered {
            from: 1,
            seq: 4,
            message: Message::Complete {
                waiter: waiter(),
                outcome,
            },
        },
        Body::Acknowledged { by: 6, seq: 7 },
        Body::Asked(signal),
        Body::Asked(by_index),
        Body::Asked(Message::Attach {
            id: id(),
            waiter: waiter(),
        }),
        Body::Asked(Message::Peek {
            id: id(),
            waiter: waiter(),
        }),
        Body::Asked(Message::Cancel(id())),
        Body::Asked(Message::Kill(id())),
        Body::Asked(Message::Purge(id())),
        Body::Expired(vec![Expiry {
            at_ms: 10,
            id: id(),
            journal_only: true,
        }]),
        Body::Stopped,
    ]
}

#[test]
fn records_keep_their_bytes() {
    let mut lines = String::new();
    for body in bodies() {
        let record = Record {
            at_ns: 1_750_000_000_000_000_000,
            body,
        };
        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        assert_eq!(Record::decode(&bytes).unwrap(), record);
        for byte in bytes {
            write!(lines, "{byte:02x}").unwrap();
        }
        lines.push('\n');
    }
    if std::env::var_os("EVERSPAN_BLESS").is_some() {
        std::fs::write(PINNED, &lines).unwrap();
    }
    let pinned = std::fs::read_to_string(PINNED).unwrap();
    assert_eq!(
        lines.lines().collect::<Vec<_>>(),
        pinned.lines().collect::<Vec<_>>()
    );
}
