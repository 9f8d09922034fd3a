//! The bytes of rows, pinned: a state on disk is read by the next version.
//!
//! `tests/rows.hex` holds one value a line. A changed line means a changed format: raise the format of `PARTITION` in
//! `everspan-state`. `EVERSPAN_BLESS=1` writes the file anew.

use std::collections::BTreeMap;
use std::fmt::Write;

use borsh::BorshSerialize;
use everspan_protocol::ids::DeploymentId;
use everspan_trace::{SpanContext, SpanId, TraceId};

use super::*;
use crate::invocation::{AttemptCause, AttemptState, Kept, Status, TimeSpent};
use crate::machine::AttemptOutcome;
use crate::policy::{Retention, RetryPolicy};
use crate::record::{AttemptError, Awaiting, HandlerFacts, IngressRequest, Pin, TraceOrigin};
use crate::target::HandlerKind;

const PINNED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rows.hex");

fn id() -> InvocationId {
    InvocationId::from_parts(0x0102_0304_0506_0708, [9; 16])
}

fn target() -> Target {
    Target {
        service: "Counter".into(),
        key: Some("k".into()),
        handler: "add".into(),
    }
}

fn handler() -> HandlerFacts {
    HandlerFacts {
        kind: HandlerKind::Exclusive,
        retention: Retention {
            completion_ms: 2,
            journal_ms: 1,
        },
        lazy_state: true,
    }
}

fn context() -> SpanContext {
    SpanContext {
        trace_id: TraceId([1; 16]),
        span_id: SpanId([2; 8]),
        flags: 3,
        trace_state: "a=b".into(),
    }
}

fn pin() -> Pin {
    Pin {
        deployment: DeploymentId::from_bytes([5; 16]),
        address: "http://h:1/".into(),
        protocol_version: 6,
        policy: RetryPolicy::default(),
    }
}

fn error() -> AttemptError {
    AttemptError {
        code: 570,
        message: "no".into(),
        stacktrace: "at".into(),
    }
}

fn attempt() -> AttemptState {
    AttemptState {
        number: 2,
        cause: AttemptCause::Retry,
        started_ns: 3,
        first_entry: 4,
    }
}

fn invocation(status: Status) -> Invocation {
    Invocation {
        target: target(),
        handler: handler(),
        created_ns: 1,
        status,
        time: TimeSpent {
            queued_ns: 1,
            running_ns: 2,
            suspended_ns: 3,
            backoff_ns: 4,
            counted_to_ns: 5,
        },
        journal_len: 6,
        last_entry_ns: 7,
        notifications: 8,
        waiters: vec![Waiter {
            id: id(),
            completion_id: 3,
            notification: 0x800d,
        }],
        idempotency_key: Some("once".into()),
        trace: TraceOrigin {
            cause: context(),
            joins: true,
        },
        pin: Some(pin()),
        attempt: attempt(),
        failures: 9,
        last_error: Some(error()),
        output: Some(Outcome::Success("x".into())),
        sleeps: BTreeMap::from([(1, 2)]),
        kept: Some(Kept {
            begun_ns: 1,
            oldest: 2,
        }),
    }
}

fn statuses() -> Vec<Status> {
    let awaiting = Awaiting {
        completions: vec![1],
        signals: vec![17],
        named_signals: vec!["go".into()],
    };
    vec![
        Status::Scheduled { at_ms: 1 },
        Status::Queued { place: 2 },
        Status::Ready {
            place: 3,
            cause: AttemptCause::Restart,
        },
        Status::Running,
        Status::BackingOff { until_ms: 4 },
        Status::Suspended(awaiting),
        Status::Paused,
    ]
}

fn outcomes() -> Vec<AttemptOutcome> {
    vec![
        AttemptOutcome::Completed,
        AttemptOutcome::Cancelled,
        AttemptOutcome::Suspended {
            awaits: "Sleep".into(),
        },
        AttemptOutcome::Failed {
            error: error(),
            next_at_ms: 1,
            failures: 2,
        },
        AttemptOutcome::Paused {
            error: error(),
            failures: 2,
        },
        AttemptOutcome::Exhausted { error: error() },
        AttemptOutcome::Yielded,
        AttemptOutcome::Killed,
        AttemptOutcome::Crashed,
    ]
}

fn completed() -> Completed {
    Completed {
        target: target(),
        handler: handler(),
        created_ns: 1,
        completed_ns: 2,
        outcome: Outcome::Success("x".into()),
        expires_ms: 3,
        journal_len: 4,
        attempts: 5,
        idempotency_key: None,
        start_span: context(),
        pin: Some(pin()),
    }
}

fn kept_request() -> KeptRequest {
    let request = IngressRequest {
        span_id: SpanId([2; 8]),
        parent: Some(SpanId([4; 8])),
        received_ns: 6,
        method: "POST".into(),
        path: "/Counter/k/add".into(),
        client: Some(("::1".into(), 7)),
        user_agent: Some("curl/8".into()),
        one_way: true,
    };
    KeptRequest { request, ended_ns: 7 }
}

struct Rows(String);

impl Rows {
    fn add<T: BorshSerialize + BorshDeserialize + PartialEq + std::fmt::Debug>(&mut self, row: &T) {
        let bytes = encode(row);
        assert_eq!(&decode::<T>(&bytes), row);
        for byte in bytes {
            write!(self.0, "{byte:02x}").expect("writing to memory cannot fail");
        }
        self.0.push('\n');
    }
}

#[test]
fn rows_keep_their_bytes() {
    let mut rows = Rows(String::new());
    for status in statuses() {
        rows.add(&invocation(status));
    }
    rows.add(&completed());
    rows.add(&JournalEntry {
        ty: 0x040d,
        body: "body".into(),
        at_ns: 1,
        attempt: 2,
    });
    rows.add(&Lock {
        holder: id(),
        head: 1,
        tail: 2,
    });
    rows.add(&Promise::Awaited(Vec::new()));
    rows.add(&Promise::Completed(Outcome::Success("x".into())));
    rows.add(&kept_request());
    for outcome in outcomes() {
        rows.add(&EndedAttempt {
            attempt: attempt(),
            ended_ns: 5,
            journal_len: 6,
            pinned: true,
            outcome,
        });
    }
    if std::env::var_os("EVERSPAN_BLESS").is_some() {
        std::fs::write(PINNED, &rows.0).expect("a writable repository");
    }
    let pinned = std::fs::read_to_string(PINNED).expect("the pinned rows");
    assert_eq!(
        rows.0.lines().collect::<Vec<_>>(),
        pinned.lines().collect::<Vec<_>>()
    );
}

#[test]
fn the_entry_that_is_remembered_is_the_one_that_the_state_has() {
    let mut tables = Tables::new(everspan_state::MemoryBackend::new());
    let other = InvocationId::from_parts(1, [1; 16]);
    let entry = |ty| JournalEntry {
        ty,
        body: Bytes::from_static(b"body"),
        at_ns: 1,
        attempt: 1,
    };
    for (of, index, ty) in [(id(), 0, 1), (id(), 1, 2), (other, 1, 3), (id(), 1, 4)] {
        tables.put_entry(&of, index, entry(ty));
        assert_eq!(tables.entry(&of, index), Ok(entry(ty)));
    }
    for (of, index, ty) in [(id(), 0, 1), (other, 1, 3), (id(), 1, 4)] {
        assert_eq!(tables.entry(&of, index), Ok(entry(ty)));
    }
    tables.delete_journal(&other, 2);
    assert!(tables.newest_entry.is_some(), "it is another's");
    tables.delete_journal(&id(), 2);
    assert!(tables.newest_entry.is_none());
}
