//! A span with every field set, and its line.

use everspan_trace::{
    Event, KeyValue, Link, Span, SpanContext, Status, catalog, derive_span_id, derive_trace_id,
};
use serde_json::{Value, json};

pub(crate) fn span() -> Span {
    let context = SpanContext {
        trace_state: "vendor=1".into(),
        ..SpanContext::sampled(derive_trace_id(b""), derive_span_id(b"", 0))
    };
    let mut span = Span::new(&catalog::INGRESS, "Greeter/greet", context.clone(), 1, 2);
    span.parent = Some(derive_span_id(b"", 0));
    span.parent_is_remote = true;
    span.attributes = vec![
        catalog::attr::INVOCATION_ID.value("inv_1"),
        catalog::attr::ATTEMPT_NUMBER.value(-1),
        catalog::attr::INVOCATION_DURATION_MS.value(1.5),
        catalog::attr::IDEMPOTENCY_REPLAYED.value(true),
    ];
    let attributes = vec![catalog::attr::AWAITING.value("a timer")];
    span.events = vec![Event {
        time_ns: 3,
        name: catalog::event::SUSPENDED.into(),
        attributes,
    }];
    span.dropped_events_count = 4;
    span.links = vec![Link {
        context,
        attributes: vec![KeyValue::new("restate.runtime", true)],
    }];
    span.status = Status::Error("boom".into());
    span
}

pub(crate) fn line() -> Value {
    json!({
        "resource": { "service.name": "Everspan" },
        "scope": "everspan.invocation",
        "name": "ingress Greeter/greet",
        "kind": "SERVER",
        "trace_id": "99aa06d3014798d86001c324468d497f",
        "span_id": "2d06800538d394c2",
        "parent_span_id": "2d06800538d394c2",
        "trace_state": "vendor=1",
        "flags": 0x301,
        "start_ns": 1,
        "end_ns": 2,
        "attributes": {
            "restate.invocation.id": "inv_1",
            "everspan.attempt.number": -1,
            "everspan.invocation.duration_ms": 1.5,
            "everspan.idempotency.replayed": true,
        },
        "events": [{
            "name": "restate.invocation.lifecycle.suspended",
            "time_ns": 3,
            "attributes": { "everspan.awaiting": "a timer" },
        }],
        "dropped_events": 4,
        "links": [{
            "trace_id": "99aa06d3014798d86001c324468d497f",
            "span_id": "2d06800538d394c2",
            "trace_state": "vendor=1",
            "flags": 0x101,
            "attributes": { "restate.runtime": true },
        }],
        "status": { "code": "ERROR", "message": "boom" },
    })
}
