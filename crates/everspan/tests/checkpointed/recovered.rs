//! Recoveries: from a crash, from a lost partition, from a lost disk.

use std::fs;
use std::path::Path;
use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::json;

use super::made::assert_sane;
use super::stage::{Stage, add, balance, checkpoint, post, shown, total};
use crate::world::bank::ACCOUNTS;
use crate::world::child::output;
use crate::world::collector::{attributes, number, text};
use crate::world::http::request;
use crate::world::server::everspan;

/// Where restored bytes come from, on the span of a start.
fn restored_from(span: &Span) -> Vec<String> {
    let keys = attributes(span).into_keys();
    let from = keys.filter_map(|key| key.strip_prefix("sumRestoredStateSizeBytes.").map(str::to_owned));
    from.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_partition_comes_back_from_the_copy_on_this_host_and_the_log_behind_it() {
    let stage = Stage::new().await.with("CHECKPOINT__INLINE_SIZE", "0");
    let span = lose_two_partitions(&stage, |_| {}).await;
    assert_eq!(restored_from(&span), ["LOCAL_DISK"]);
    assert!(!attributes(&span).contains_key("maxDownloadStateDurationMs"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_partition_comes_back_from_the_store_where_the_copy_is_lost_too() {
    let stage = Stage::new().await.with("CHECKPOINT__INLINE_SIZE", "100");
    let span = lose_two_partitions(&stage, lose_copies).await;
    assert_eq!(restored_from(&span), ["LOCAL_DISK", "LOCAL_MEMORY", "REMOTE"]);
    for key in [
        "maxDownloadStateDurationMs",
        "maxRestoreStateDurationMs",
        "maxInitializeStateDurationMs",
    ] {
        assert!(number(&span, key) >= 0);
    }
}

pub(super) fn lose_copies(data: &Path) {
    for entry in fs::read_dir(data.join("checkpoints")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        }
    }
}

/// Checkpoint, more work, a crash in which a state is lost and another damaged; the span of the start after it.
async fn lose_two_partitions(stage: &Stage, and: impl Fn(&Path)) -> Span {
    let server = stage.registered().await;
    for account in 0..ACCOUNTS {
        add(&server, &account.to_string(), 1).await;
    }
    checkpoint(&server).await;
    for account in 0..ACCOUNTS {
        add(&server, &account.to_string(), 1).await;
    }
    server.kill();
    fs::remove_dir_all(stage.data().join("state/partition-0001")).unwrap();
    let marker = stage.data().join("state/partition-0002/PARTITION");
    fs::write(marker, b"rubbish").unwrap();
    and(&stage.data());

    let server = stage.server();
    for account in 0..ACCOUNTS {
        assert_eq!(
            balance(&server, &account.to_string()).await,
            2,
            "account {account}"
        );
    }
    let span = stage.collector.until("JobInitialization", 2).await.remove(1);
    assert_eq!(text(&span, "initializationStatus"), "COMPLETED");
    assert_eq!(number(&span, "checkpointId"), 1);
    let failure = &stage.collector.until("JobFailure", 1).await[0];
    let made = &stage.collector.until("Checkpoint", 1).await[0];
    let linked: Vec<_> = span.links.iter().map(|link| &link.span_id).collect();
    assert_eq!(linked, [&made.span_id, &failure.span_id]);
    assert!(
        stage.data().join("state/partition-0002.damaged").exists(),
        "it was put aside"
    );
    assert_sane(stage);
    span
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_checkpoint_is_skipped_and_the_one_before_it_taken() {
    let stage = Stage::new().await.with("CHECKPOINT__INLINE_SIZE", "0");
    let server = stage.registered().await;
    add(&server, "a", 1).await;
    checkpoint(&server).await;
    let before = stage.stored();
    add(&server, "a", 1).await;
    checkpoint(&server).await;
    server.kill();
    for (path, _) in stage.stored().into_iter().filter(|file| !before.contains(file)) {
        if path.extension().is_none() {
            fs::write(&path, b"not what was written").unwrap();
        }
    }
    lose_copies(&stage.data());
    fs::remove_dir_all(stage.data().join("state")).unwrap();
    fs::create_dir(stage.data().join("state")).unwrap();
    let server = stage.server();
    assert_eq!(
        balance(&server, "a").await,
        2,
        "the log has what the older checkpoint has not"
    );
    let span = stage.collector.until("JobInitialization", 2).await.remove(1);
    assert_eq!(number(&span, "checkpointId"), 1);
}

/// Runs `everspan restore`; its exit code and what it says.
pub(super) fn restore(from: &Path, to: &Path, more: &[&str]) -> (Option<i32>, String) {
    let (from, to) = (from.to_str().unwrap(), to.to_str().unwrap());
    let mut command = everspan();
    command
        .args(["restore", "--from", from, "--base-dir", to])
        .args(more);
    let output = output(&mut command);
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_disk_comes_back_from_the_store_and_suspended_invocations_go_on() {
    let stage = Stage::new().await;
    let server = stage.registered().await;
    let waiting = server.send("/Waiter/wait", "").await;
    server.until(&waiting, |of| of["status"] == "suspended").await;
    add(&server, "a", 40).await;
    checkpoint(&server).await;
    add(&server, "a", 2).await;
    server.kill();
    fs::remove_dir_all(stage.data()).unwrap();

    let (code, said) = restore(&stage.store(), &stage.data(), &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("checkpoint 1"), "{said}");
    let server = stage.server();
    assert_eq!(balance(&server, "a").await, 40, "what was checkpointed");
    let awakeable = stage.endpoint.awakeables()[0].clone();
    let resolved = server
        .call(
            "POST",
            &format!("/restate/awakeables/{awakeable}/resolve"),
            &[("content-type", "application/json")],
            b"\"go\"",
        )
        .await;
    assert!(resolved.status < 300, "{} {}", resolved.status, resolved.text());
    assert_eq!(server.attach(&waiting).await.text(), "\"go\"");
    // The new directory makes checkpoints of its own behind those of the old one, and outlives a crash.
    assert_eq!(checkpoint(&server).await["checkpointId"], 2);
    add(&server, "a", 1).await;
    server.kill();
    let server = stage.server();
    assert_eq!(balance(&server, "a").await, 41);
    // It waits until the destination was read.
    assert_eq!(checkpoint(&server).await["checkpointId"], 3);
    assert_eq!(shown(&server).await["retained"], json!([1, 2, 3]));
    assert_eq!(server.terminate().code(), Some(0));

    let (code, said) = restore(&stage.store(), &stage.data(), &[]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("is not empty"), "{said}");
    let (code, said) = restore(&stage.store(), &stage.beside("other"), &["--checkpoint", "7"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("there is no checkpoint 7") && said.contains("it has 3, 2, 1"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_in_the_midst_of_transfers_has_every_message_whole() {
    let stage = Stage::new().await.with("CHECKPOINT__RETAINED", "100");
    let server = stage.registered().await;
    for round in 0..6 {
        for from in 0..ACCOUNTS {
            let sent = post(&server, "/Bank/transfer/send", &from.to_string()).await;
            assert_eq!(sent.status, 202, "{}", sent.text());
        }
        if round > 0 {
            checkpoint(&server).await;
        }
    }
    server.kill();
    for number in 1..=5 {
        let data = stage.beside(&format!("restored-{number}"));
        let (code, said) = restore(&stage.store(), &data, &["--checkpoint", &number.to_string()]);
        assert_eq!(code, Some(0), "{said}");
        let server = stage.server_on(&data);
        until_idle(&server.admin).await;
        assert_eq!(
            total(&server).await,
            0,
            "checkpoint {number}: nothing was lost or doubled"
        );
        server.kill();
    }
}

/// Waits until every invocation has ended.
pub(super) async fn until_idle(admin: &str) {
    for _ in 0..1500 {
        let answer = request(admin, "GET", "/invocations?limit=10000", &[], b"")
            .await
            .json();
        let all = answer["invocations"].as_array().unwrap().clone();
        if all.iter().all(|of| of["status"] == "completed") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("some invocations do not end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_that_a_crash_cut_off_is_told_as_failed_by_the_next_start() {
    let stage = Stage::new().await;
    let server = stage.registered().await;
    add(&server, "a", 1).await;
    checkpoint(&server).await;
    server.kill();
    // The note as it is while checkpoint 2 is under way.
    let note = stage.data().join("checkpoints/run.json");
    let mut data: serde_json::Value = serde_json::from_slice(&fs::read(&note).unwrap()).unwrap();
    let triggered_ns = everspan::clock::now_ns();
    data["under_way"] = json!({
        "checkpoint": 2,
        "run": data["run"],
        "kind": "Checkpoint",
        "triggered_ns": triggered_ns,
        "place": null,
    });
    fs::write(&note, data.to_string()).unwrap();
    let server = stage.server();
    let spans = stage.collector.until("Checkpoint", 2).await;
    let span = spans
        .iter()
        .find(|span| number(span, "checkpointId") == 2)
        .unwrap();
    assert_eq!(text(span, "checkpointStatus"), "FAILED");
    assert!(text(span, "everspan.checkpoint.failure_reason").contains("died"));
    assert_eq!(span.start_time_unix_nano, triggered_ns);
    assert_eq!(
        checkpoint(&server).await["checkpointId"],
        3,
        "its number is not used again"
    );
    assert_sane(&stage);
}

/// Changes every table of every partition below this directory.
fn spoil_tables(state: &Path) {
    for partition in fs::read_dir(state).unwrap() {
        let tables = partition.unwrap().path().join("tree/tables");
        for table in fs::read_dir(tables).into_iter().flatten() {
            let path = table.unwrap().path();
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 3;
            bytes[..middle].iter_mut().for_each(|byte| *byte ^= 0x55);
            // In place: the copy on this host has the same file.
            fs::write(&path, bytes).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_with_damaged_tables_stops_the_server_once_and_then_comes_back() {
    let stage = Stage::new().await.with("CHECKPOINT__INLINE_SIZE", "0");
    let server = stage.registered().await;
    for account in 0..ACCOUNTS {
        let filled = post(&server, &format!("/Account/{account}/fill"), "20000").await;
        assert_eq!(filled.status, 200, "{}", filled.text());
        add(&server, &account.to_string(), 3).await;
    }
    checkpoint(&server).await;
    server.kill();
    spoil_tables(&stage.data().join("state"));
    // Each start finds the partitions that it reads; a partition is restored by the start after that.
    for _ in 0..20 {
        if let Some(server) = stage.try_server() {
            let mut found = 0;
            for account in 0..ACCOUNTS {
                let answer = server
                    .call("POST", &format!("/Account/{account}/balance"), &[], b"")
                    .await;
                found += u64::from(answer.status == 200 && answer.text() == "3");
            }
            if found == ACCOUNTS {
                return;
            }
        }
    }
    panic!("the state does not come back");
}
