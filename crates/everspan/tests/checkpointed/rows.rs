//! Every row of the catalog, on spans of real checkpoints, starts and failures that a collector has received.

use std::collections::BTreeSet;
use std::fs;

use everspan_trace::catalog::attr::ATTRIBUTES;
use everspan_trace::catalog::{CHECKPOINT_SCOPE, Place, SPANS};
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::json;

use super::made::assert_sane;
use super::recovered::lose_copies;
use super::stage::{Stage, add, ask, checkpoint, post};
use crate::world::bank::ACCOUNTS;
use crate::world::collector::{Collector, attributes, number, text};

/// What a server has no use for: its partitions have no data in flight, and start one by one.
const NOT_OF_A_SERVER: [&str; 5] = [
    "failureLabel.<label>",
    "isGlobalFailure",
    "RestoreAsyncCompactionDurationMs",
    "RestoredStateSizeBytes.UNKNOWN",
    "perTask",
];
/// Phases that take no time, or that a server does not have.
const PHASES_NOT_OF_A_SERVER: [&str; 2] = ["read-output", "compact"];

/// A complete checkpoint, a failed one, a savepoint, a crash, a start from copies, memory and store.
async fn play(stage: &Stage) {
    let server = stage.registered().await;
    for account in 0..ACCOUNTS {
        add(&server, &account.to_string(), 1).await;
        post(&server, &format!("/Account/{account}/fill"), "20000").await;
    }
    checkpoint(&server).await;
    let manifests = stage.store().join("checkpoints");
    let away = stage.beside("away");
    fs::rename(&manifests, &away).unwrap();
    fs::write(&manifests, b"").unwrap();
    assert_eq!(ask(&server, &json!({})).await.status, 500);
    fs::remove_file(&manifests).unwrap();
    fs::rename(&away, &manifests).unwrap();
    assert_eq!(ask(&server, &json!({ "kind": "savepoint" })).await.status, 200);
    server.kill();
    lose_copies(&stage.data());
    fs::remove_dir_all(stage.data().join("state/partition-0001")).unwrap();
    let server = stage.server();
    stage.collector.until("JobInitialization", 2).await;
    assert_eq!(server.terminate().code(), Some(0), "all spans were sent");
}

fn of(collector: &Collector, name: &str) -> Vec<Span> {
    collector.named(name)
}

/// The subtasks of a root, by way of its tasks.
fn subtasks(collector: &Collector, root: &Span) -> Vec<Span> {
    let tasks = collector.children(root);
    tasks.iter().flat_map(|task| collector.children(task)).collect()
}

fn assert_aggregates(collector: &Collector, root: &Span) {
    let ones = subtasks(collector, root);
    for (key, value) in attributes(root) {
        let Some(figure) = key.strip_prefix("max").or_else(|| key.strip_prefix("sum")) else {
            continue;
        };
        let figures = ones.iter().filter_map(|one| attributes(one).get(figure).cloned());
        let figures: Vec<i64> = figures.map(|text| text.parse().unwrap()).collect();
        assert!(!figures.is_empty(), "{}: {key} is over nothing", root.name);
        let expected = if key.starts_with("max") {
            figures.iter().max().copied().unwrap()
        } else {
            figures.iter().sum()
        };
        assert_eq!(value, expected.to_string(), "{}: {key}", root.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_row_of_the_catalog_stands_on_a_real_span_with_its_meaning() {
    let stage = Stage::new().await.with("CHECKPOINT__INLINE_SIZE", "300");
    play(&stage).await;
    let collector = &stage.collector;
    assert_sane(&stage);
    checkpoints_say_what_became_of_them(collector);
    starts_say_what_was_restored(collector);
    for root in of(collector, "Checkpoint")
        .iter()
        .chain(&of(collector, "JobInitialization"))
    {
        assert_aggregates(collector, root);
    }
    every_row_is_seen(collector);
    nothing_is_emitted_that_is_no_row(collector);
}

fn checkpoints_say_what_became_of_them(collector: &Collector) {
    let all = of(collector, "Checkpoint");
    let told: Vec<_> = all
        .iter()
        .map(|span| {
            (
                number(span, "checkpointId"),
                text(span, "checkpointType"),
                text(span, "checkpointStatus"),
            )
        })
        .collect();
    let row = |id, kind: &str, status: &str| (id, kind.to_owned(), status.to_owned());
    let expected = [
        row(1, "Checkpoint", "COMPLETED"),
        row(2, "Checkpoint", "FAILED"),
        row(3, "Savepoint", "COMPLETED"),
    ];
    assert_eq!(told, expected);
    for span in &all {
        let (start, end) = (number(span, "startTs"), number(span, "endTs"));
        assert_eq!(
            start,
            i64::try_from(span.start_time_unix_nano / 1_000_000).unwrap()
        );
        assert_eq!(end, i64::try_from(span.end_time_unix_nano / 1_000_000).unwrap());
        assert_eq!(
            (text(span, "jobId"), text(span, "isUnaligned")),
            ("stories".to_owned(), "false".to_owned())
        );
        let failed = text(span, "checkpointStatus") == "FAILED";
        assert_eq!(
            attributes(span).contains_key("everspan.checkpoint.failure_reason"),
            failed
        );
        assert_eq!(
            span.status.as_ref().map_or(0, |status| status.code),
            if failed { 2 } else { 0 }
        );
        assert_eq!(
            attributes(span).contains_key("metadataSize"),
            !failed,
            "there is no manifest of a failed one"
        );
        let ones = subtasks(collector, span);
        let sum = |key: &str| ones.iter().map(|one| number(one, key)).sum::<i64>();
        assert_eq!(number(span, "fullSize"), sum("StateSizeBytes"));
        assert_eq!(number(span, "checkpointedSize"), sum("CheckpointedSizeBytes"));
    }
    assert!(
        number(&all[2], "checkpointedSize") < number(&all[2], "fullSize"),
        "it shares files with the first"
    );
}

fn starts_say_what_was_restored(collector: &Collector) {
    let starts = of(collector, "JobInitialization");
    assert!(
        !attributes(&starts[0]).contains_key("checkpointId"),
        "the first start restores nothing"
    );
    let second = &starts[1];
    assert_eq!(
        number(second, "checkpointId"),
        3,
        "the newest, a savepoint or not"
    );
    assert!(number(second, "fullSize") > 0);
    for from in ["LOCAL_DISK", "LOCAL_MEMORY", "REMOTE"] {
        assert!(
            number(second, &format!("sumRestoredStateSizeBytes.{from}")) > 0,
            "{from}"
        );
    }
    let one = |index: i64| {
        let all = subtasks(collector, second);
        all.into_iter()
            .find(|one| number(one, "subtaskId") == index)
            .unwrap()
    };
    assert!(attributes(&one(1)).contains_key("DownloadStateDurationMs"));
    assert!(
        !attributes(&one(0)).contains_key("DownloadStateDurationMs"),
        "absent, never 0"
    );
    assert_eq!(
        (text(&one(1), "host"), text(&one(1), "task_name")),
        ("node-1".to_owned(), "partition".to_owned())
    );
    let failure = &of(collector, "JobFailure")[0];
    assert_eq!(text(failure, "canRestart"), "true");
    let exception = failure.events.iter().find(|event| event.name == "exception");
    assert!(exception.is_some(), "{:?}", failure.events);
}

/// `(span, key)` of every attribute on every span of checkpoints and starts.
fn seen(collector: &Collector) -> BTreeSet<(String, String)> {
    let spans = collector.of_runtime();
    let rows = spans.iter().flat_map(|span| {
        let keys = attributes(span).into_keys();
        keys.map(|key| (span.name.clone(), key)).collect::<Vec<_>>()
    });
    rows.collect()
}

fn rows() -> BTreeSet<(String, String)> {
    let all = ATTRIBUTES.iter().copied().flatten();
    let rows = all.flat_map(|def| {
        let spans = def.on.iter().filter_map(|place| match place {
            Place::Span(span) if span.scope == CHECKPOINT_SCOPE => Some(span.prefix),
            _ => None,
        });
        spans
            .map(|span| (span.to_owned(), def.key.to_owned()))
            .collect::<Vec<_>>()
    });
    rows.collect()
}

fn every_row_is_seen(collector: &Collector) {
    let seen = seen(collector);
    let is_of_a_server = |(_, key): &(String, String)| !NOT_OF_A_SERVER.iter().any(|not| key.contains(not));
    let missing: Vec<_> = rows()
        .into_iter()
        .filter(is_of_a_server)
        .filter(|row| !seen.contains(row))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
    let names: BTreeSet<String> = collector.of_runtime().into_iter().map(|span| span.name).collect();
    for def in SPANS.iter().filter(|def| def.scope == CHECKPOINT_SCOPE) {
        let is_here = names.contains(def.prefix);
        assert!(
            is_here || PHASES_NOT_OF_A_SERVER.contains(&def.prefix),
            "{} was not told",
            def.prefix
        );
    }
}

fn nothing_is_emitted_that_is_no_row(collector: &Collector) {
    let strangers: Vec<_> = seen(collector).difference(&rows()).cloned().collect();
    assert!(strangers.is_empty(), "{strangers:#?}");
}
