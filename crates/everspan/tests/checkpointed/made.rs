//! Checkpoints on demand: what is answered, stored and told.

use serde_json::json;

use super::stage::{Stage, add, ask, checkpoint, post, shown};
use crate::world::collector::{attributes, number, text};
use crate::world::http::request;
use crate::world::server::Server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_is_answered_stored_and_told_with_every_partition_and_phase() {
    let stage = Stage::new().await;
    let server = stage.registered().await;
    for account in ["a", "b", "c", "d"] {
        assert_eq!(add(&server, account, 7).await, 7);
    }
    let made = checkpoint(&server).await;
    assert_eq!(
        (&made["checkpointId"], &made["checkpointStatus"]),
        (&json!(1), &json!("COMPLETED"))
    );
    assert_eq!(
        (&made["partitions"], &made["partitions_stored"]),
        (&json!(4), &json!(4))
    );
    let manifest = stage.store().join("checkpoints/00000000000000000001.manifest");
    assert_eq!(made["metadataSize"], manifest.metadata().unwrap().len());

    let spans = stage.collector.until("Checkpoint", 1).await;
    let span = &spans[0];
    for key in [
        "checkpointId",
        "checkpointedSize",
        "fullSize",
        "metadataSize",
        "startTs",
        "endTs",
    ] {
        assert_eq!(made[key], number(span, key), "{key}");
    }
    assert_eq!(text(span, "checkpointStatus"), "COMPLETED");
    assert_eq!(text(span, "checkpointType"), "Checkpoint");
    assert_eq!(text(span, "jobId"), "stories");
    let tasks = stage.collector.children(span);
    assert_eq!(tasks.len(), 1, "{tasks:?}");
    assert_eq!(text(&tasks[0], "task_name"), "partition");
    let subtasks = stage.collector.children(&tasks[0]);
    let mut numbers: Vec<i64> = subtasks.iter().map(|of| number(of, "subtaskId")).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 1, 2, 3]);
    let sum: i64 = subtasks.iter().map(|of| number(of, "StateSizeBytes")).sum();
    assert_eq!(sum, number(span, "fullSize"));
    for subtask in &subtasks {
        let phases: Vec<String> = stage
            .collector
            .children(subtask)
            .into_iter()
            .map(|phase| phase.name)
            .collect();
        for phase in ["sync", "async", "upload"] {
            assert!(
                phases.iter().any(|name| name == phase),
                "{phase} is not in {phases:?}"
            );
        }
    }
    let start = &stage.collector.until("JobInitialization", 1).await[0];
    assert_eq!(
        span.links[0].span_id, start.span_id,
        "a checkpoint links to the start of its run"
    );
    assert_sane(&stage);
}

/// No span ends before its start, none is older than the test or newer than now, each is told once, no number is negative.
pub(super) fn assert_sane(stage: &Stage) {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let spans = stage.collector.of_runtime();
    let mut ids: Vec<_> = spans.iter().map(|span| &span.span_id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), spans.len(), "a span was told twice");
    for span in spans {
        let (start, end) = (span.start_time_unix_nano, span.end_time_unix_nano);
        assert!(
            start <= end && u128::from(end) <= now.as_nanos() && start > 0,
            "{span:?}"
        );
        for (key, value) in attributes(&span) {
            assert!(!value.starts_with('-'), "{key} = {value}");
        }
        if let Some(parent) = stage
            .collector
            .of_runtime()
            .iter()
            .find(|of| of.span_id == span.parent_span_id)
        {
            assert!(
                parent.start_time_unix_nano <= start,
                "{} begins before {}",
                span.name,
                parent.name
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_not_changed_does_not_travel_again_and_old_checkpoints_are_forgotten() {
    let stage = Stage::new().await.with("CHECKPOINT__RETAINED", "2");
    let server = stage.registered().await;
    for account in 0..20 {
        let answer = post(&server, &format!("/Account/{account}/fill"), "50000").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let first = checkpoint(&server).await;
    let full = first["fullSize"].as_u64().unwrap();
    assert!(full > 1_000_000, "{first}");
    assert_eq!(first["checkpointedSize"], first["fullSize"], "everything is new");
    let second = checkpoint(&server).await;
    assert_eq!(second["fullSize"].as_u64().unwrap(), full, "nothing was changed");
    assert!(
        second["checkpointedSize"].as_u64().unwrap() < full / 50,
        "{second}"
    );
    checkpoint(&server).await;
    checkpoint(&server).await;
    assert_eq!(shown(&server).await["retained"], json!([3, 4]));
    let manifests = || {
        let files = stage.stored().into_iter().map(|(path, _)| path);
        files
            .filter(|path| path.extension().is_some_and(|of| of == "manifest"))
            .count()
    };
    for _ in 0..3000 {
        if manifests() == 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(manifests(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_savepoint_elsewhere_stands_alone_and_what_cannot_be_is_refused_with_the_reason() {
    let stage = Stage::new().await;
    let server = stage.registered().await;
    add(&server, "a", 1).await;
    let elsewhere = stage.beside("elsewhere");
    let made = ask(&server, &json!({ "kind": "savepoint", "destination": elsewhere })).await;
    assert_eq!(made.status, 200, "{}", made.text());
    assert_eq!(made.json()["checkpointType"], "Savepoint");
    assert!(
        elsewhere
            .join("checkpoints/00000000000000000001.manifest")
            .exists()
    );
    assert!(stage.stored().is_empty(), "{:?}", stage.stored());
    let rows = [
        (json!({ "kind": "backup" }), 400, "backup"),
        (
            json!({ "kind": "checkpoint", "destination": "/x" }),
            400,
            "for a savepoint",
        ),
        (
            json!({ "kind": "savepoint", "destination": "ftp://x" }),
            400,
            "ftp",
        ),
        (json!({ "sort": 1 }), 400, "sort"),
    ];
    for (body, status, part) in rows {
        let answer = ask(&server, &body).await;
        assert_eq!(answer.status, status, "{body}");
        assert!(answer.text().contains(part), "{body}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_destination_a_checkpoint_is_refused_and_the_key_is_named() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let answer = request(&server.admin, "POST", "/checkpoints", &[], b"").await;
    assert_eq!(answer.status, 409);
    assert!(
        answer.text().contains("checkpoint.destination"),
        "{}",
        answer.text()
    );
    assert_eq!(shown(&server).await["destination"], json!(null));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_that_takes_nothing_fails_the_checkpoint_and_nothing_else() {
    let stage = Stage::new().await.with("CHECKPOINT__TIMEOUT", "300ms");
    let server = stage.registered().await;
    add(&server, "a", 1).await;
    // A file where the store has a directory.
    std::fs::write(stage.store().join("checkpoints"), b"").unwrap();
    let answer = ask(&server, &json!({})).await;
    assert_eq!(answer.status, 500, "{}", answer.text());
    let span = &stage.collector.until("Checkpoint", 1).await[0];
    assert_eq!(text(span, "checkpointStatus"), "FAILED");
    let reason = text(span, "everspan.checkpoint.failure_reason");
    let status = span.status.as_ref().unwrap();
    assert_eq!((status.code, &status.message), (2, &reason));
    assert_eq!(answer.json()["message"], reason.as_str());
    assert_eq!(add(&server, "a", 1).await, 2, "work goes on");
    std::fs::remove_file(stage.store().join("checkpoints")).unwrap();
    let shown = shown(&server).await;
    assert_eq!(
        (&shown["counts"]["failed"], &shown["counts"]["completed"]),
        (&json!(1), &json!(0))
    );
    checkpoint(&server).await;
    assert_sane(&stage);
}
