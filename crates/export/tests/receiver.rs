//! The receiver program writes what a pipeline sends.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use everspan_export::{OtlpOptions, Pipeline, PipelineOptions, otlp as destinations};
use everspan_trace::{
    Event, KeyValue, Link, Span, SpanContext, Status, catalog, derive_span_id, derive_trace_id, otlp,
};
use serde_json::{Value, json};
use tokio::runtime::Handle;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_of_a_span_stands_in_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("spans.jsonl");
    let (mut receiver, address) = start_receiver(&out);

    let mut options = OtlpOptions::new(format!("http://{address}"));
    options.resource = vec![KeyValue::new("service.name", "Everspan")];
    let destination = destinations::destination(options).unwrap();
    let pipeline =
        Pipeline::start(PipelineOptions::new("otlp"), destination, &[], &Handle::current()).unwrap();
    let mut encoded = Vec::new();
    otlp::encode_span(&span(), &mut encoded);
    pipeline.sink().push(catalog::INVOCATION_SCOPE, &encoded, 1, &[]);
    assert!(pipeline.shutdown(Duration::from_secs(5)).await);
    receiver.kill().unwrap();
    receiver.wait().unwrap();

    let text = std::fs::read_to_string(&out).unwrap();
    let mut line: Value = serde_json::from_str(text.trim_end()).unwrap();
    assert!(line["recv_ns"].as_u64().unwrap() > 1_700_000_000_000_000_000);
    line.as_object_mut().unwrap().remove("recv_ns");
    assert_eq!(line, expected());
}

fn start_receiver(out: &Path) -> (Child, String) {
    let mut receiver = Command::new(env!("CARGO_BIN_EXE_otlp-receiver"))
        .args(["--listen", "127.0.0.1:0", "--out"])
        .arg(out)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(receiver.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let address = line.trim_end().strip_prefix("listening on ").unwrap().to_owned();
    (receiver, address)
}

fn span() -> Span {
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

fn expected() -> Value {
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
