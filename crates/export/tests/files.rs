//! Trace files behind a whole pipeline: what cannot be written waits on disk, and every span stands in one file.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use everspan_export::jaeger_file::{self, JaegerFileOptions};
use everspan_export::{Pipeline, PipelineOptions, SpoolOptions};
use everspan_trace::{Span, SpanContext, catalog, derive_span_id, derive_trace_id, otlp};
use serde_json::Value;
use tokio::runtime::Handle;

const SPANS: u64 = 3_000;
const LONG: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn spans_that_no_file_took_wait_for_the_next_start_and_come_once() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("traces");
    let pipeline = start(home.path());
    fs::remove_dir(&folder).unwrap();
    fs::write(&folder, "in the way").unwrap();
    push(&pipeline, 0..SPANS);
    assert!(!pipeline.shutdown(Duration::from_millis(50)).await);
    assert_eq!(pipeline.counters().dropped.total(), 0);
    drop(pipeline);

    fs::remove_file(&folder).unwrap();
    let pipeline = start(home.path());
    push(&pipeline, SPANS..SPANS + 10);
    assert!(pipeline.shutdown(LONG).await);
    let found = spans(&folder);
    assert_eq!(found.len() as u64, SPANS + 10);
    assert_eq!(found.values().find(|places| places.len() > 1), None);
}

fn start(home: &Path) -> Pipeline {
    let files = jaeger_file::destination(JaegerFileOptions::new(home.join("traces"), Vec::new())).unwrap();
    let options = PipelineOptions {
        batch_spans_max: 100,
        spool: Some(SpoolOptions {
            dir: home.join("spool"),
            bytes_max: 1 << 30,
        }),
        ..PipelineOptions::new("files")
    };
    Pipeline::start(options, files, &[], &Handle::current()).unwrap()
}

fn push(pipeline: &Pipeline, numbers: std::ops::Range<u64>) {
    let sink = pipeline.sink();
    for number in numbers {
        let context = SpanContext::sampled(
            derive_trace_id(&(number / 4).to_le_bytes()),
            derive_span_id(b"span", number),
        );
        let span = Span::new(&catalog::ATTEMPT, "Greeter/greet", context, 1_000, 2_000);
        let mut encoded = Vec::new();
        otlp::encode_span(&span, &mut encoded);
        sink.push(&span.scope, &encoded, 1, &[]);
    }
}

/// Trace and span id → the files it stands in.
fn spans(folder: &Path) -> BTreeMap<(String, String), Vec<String>> {
    let mut found = BTreeMap::<_, Vec<String>>::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let file: Value = serde_json::from_slice(&fs::read(entry.path()).unwrap()).unwrap();
        for trace in file["data"].as_array().unwrap() {
            for span in trace["spans"].as_array().unwrap() {
                let text = |key: &str| span[key].as_str().unwrap().to_owned();
                let places = found.entry((text("traceID"), text("spanID"))).or_default();
                places.push(entry.file_name().into_string().unwrap());
            }
        }
    }
    found
}
