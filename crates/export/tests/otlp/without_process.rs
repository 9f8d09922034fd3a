//! A sender process that cannot be had.

use everspan_export::SpoolOptions;
use everspan_export::sender_process::{self, SenderProcess};

use super::*;

/// Programs that are no sender process, each wrong in its own way.
const PROGRAMS: [&[&str]; 5] = [
    &["/no/such/program"],
    &["true"],
    &["sh", "-c", "cat"],
    &[
        "sh",
        "-c",
        "head -n 1 > /dev/null; echo '{\"Cannot\":{\"why\":\"not today\"}}'",
    ],
    &[
        "sh",
        "-c",
        "head -n 1 > /dev/null; echo '{\"Ready\":{\"taken\":0}}'",
    ],
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_process_that_cannot_be_had_leaves_deliveries_to_this_one() {
    let checks = PROGRAMS.map(|program| tokio::spawn(arrives_without(program)));
    for check in checks {
        check.await.unwrap();
    }
}

async fn arrives_without(program: &'static [&'static str]) {
    let collector = Collector::start();
    let dir = tempfile::tempdir().unwrap();
    let process = SenderProcess {
        program: program[0].into(),
        name: program[0].into(),
        arguments: program[1..].iter().map(Into::into).collect(),
    };
    let destination = sender_process::destination(options(&collector), process, dir.path()).unwrap();
    let spool = SpoolOptions {
        dir: dir.path().to_owned(),
        bytes_max: 1 << 20,
    };
    let options = PipelineOptions {
        spool: Some(spool),
        ..PipelineOptions::new("otlp")
    };
    let pipeline = Pipeline::start(options, destination, &[], &Handle::current()).unwrap();
    push(&pipeline.sink(), 0, 3);
    collector.until_spans(3).await;
    assert!(pipeline.shutdown(PATIENCE).await, "{program:?}");
    assert_eq!(pipeline.counters().exported, 3, "{program:?}");
}
