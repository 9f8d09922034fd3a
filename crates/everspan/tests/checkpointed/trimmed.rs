//! Lost partitions of which the log has nothing, something, or everything.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use everspan_wal::{FileDisk, Log, Options};

use super::made::assert_sane;
use super::recovered::{lose_copies, restore};
use super::stage::{Stage, add, balance, checkpoint, post};
use crate::world::bank::ACCOUNTS;
use crate::world::collector::{attributes, number, text};
use crate::world::server::{PATIENCE, Server};

async fn add_to_all(server: &Server) {
    for account in 0..ACCOUNTS {
        add(server, &account.to_string(), 1).await;
    }
}

async fn assert_all(server: &Server, expected: i64) {
    for account in 0..ACCOUNTS {
        let found = balance(server, &account.to_string()).await;
        assert_eq!(found, expected, "account {account}");
    }
}

/// One account works until the log has nothing but of its partition.
async fn trim(stage: &Stage, server: &Server) {
    let first = stage.data().join("log/00000000000000000001.wal");
    let begun = Instant::now();
    while first.exists() {
        assert!(begun.elapsed() < PATIENCE, "the log is never trimmed");
        let filled = post(server, "/Account/0/fill", "100000").await;
        assert_eq!(filled.status, 200, "{}", filled.text());
        checkpoint(server).await;
    }
}

/// The partitions that the log has records of.
fn logged(data: &Path) -> usize {
    let disk = FileDisk::open(data.join("log")).unwrap();
    let (_, recovery) = Log::open(disk, Options::default()).unwrap();
    recovery.last.len()
}

fn lose_states(data: &Path) {
    fs::remove_dir_all(data.join("state")).unwrap();
    fs::create_dir(data.join("state")).unwrap();
}

fn lose_log(data: &Path) {
    for file in fs::read_dir(data.join("log")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|of| of == "wal") {
            fs::remove_file(path).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_partition_comes_back_of_which_the_log_has_nothing_any_more() {
    let stage = Stage::new().await.with("CHECKPOINT__RETAINED", "1");
    let server = stage.registered().await;
    add_to_all(&server).await;
    trim(&stage, &server).await;
    server.kill();
    assert_eq!(logged(&stage.data()), 1);
    lose_states(&stage.data());
    assert_all(&stage.server(), 1).await;
    assert_sane(&stage);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_that_is_lost_right_after_a_restore_comes_back() {
    let stage = Stage::new().await;
    let server = stage.registered().await;
    add_to_all(&server).await;
    checkpoint(&server).await;
    server.kill();
    fs::remove_dir_all(stage.data()).unwrap();
    let (code, said) = restore(&stage.store(), &stage.data(), &[]);
    assert_eq!(code, Some(0), "{said}");
    lose_states(&stage.data());
    let server = stage.server();
    assert_all(&server, 1).await;
    add_to_all(&server).await;
    server.kill();
    lose_states(&stage.data());
    assert_all(&stage.server(), 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_is_refused_when_records_behind_it_are_gone() {
    let stage = Stage::new().await.with("CHECKPOINT__RETAINED", "1");
    let server = stage.registered().await;
    add_to_all(&server).await;
    checkpoint(&server).await;
    let (store, old) = (stage.store(), stage.beside("old"));
    copy(&store, &old);
    add_to_all(&server).await;
    trim(&stage, &server).await;
    server.kill();
    lose_states(&stage.data());
    lose_copies(&stage.data());
    let newest = stage.beside("newest");
    fs::rename(&store, &newest).unwrap();
    fs::rename(&old, &store).unwrap();
    let (code, said) = stage.refused();
    assert_eq!(code, Some(1), "{said}");
    for part in ["the records between are gone", "no checkpoint in"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // The newest one has them all; but not without the log that was written since.
    fs::remove_dir_all(&store).unwrap();
    fs::rename(&newest, &store).unwrap();
    lose_log(&stage.data());
    let (code, said) = stage.refused();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("log files are missing"), "{said}");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_that_falls_silent_is_given_up_and_the_checkpoint_before_taken() {
    let stage = Stage::new()
        .await
        .with("CHECKPOINT__INLINE_SIZE", "0")
        .with("CHECKPOINT__SILENCE_TIMEOUT", "5s");
    let server = stage.registered().await;
    add_to_all(&server).await;
    checkpoint(&server).await;
    let before = stage.stored();
    add_to_all(&server).await;
    checkpoint(&server).await;
    server.kill();
    fs::remove_dir_all(stage.data().join("state/partition-0001")).unwrap();
    lose_copies(&stage.data());
    for (path, _) in stage.stored().into_iter().filter(|file| !before.contains(file)) {
        if path.extension().is_none() {
            fs::remove_file(&path).unwrap();
            // Who opens it waits for somebody to write.
            assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        }
    }
    assert_all(&stage.server(), 2).await;
    let start = stage.collector.until("JobInitialization", 2).await.remove(1);
    assert_eq!(number(&start, "checkpointId"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_that_is_lost_before_the_first_checkpoint_is_made_of_the_log() {
    let stage = Stage::new().await;
    let server = stage.registered().await;
    add_to_all(&server).await;
    server.kill();
    lose_states(&stage.data());
    let server = stage.server();
    assert_all(&server, 1).await;
    let start = stage.collector.until("JobInitialization", 2).await.remove(1);
    assert_eq!(text(&start, "initializationStatus"), "COMPLETED");
    assert!(!attributes(&start).contains_key("checkpointId"));
    assert_sane(&stage);
}
