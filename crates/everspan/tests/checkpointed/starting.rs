//! What is known of a server that starts: a restore may take long.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::recovered::lose_copies;
use super::stage::{Stage, add, balance, checkpoint};
use crate::world::child::Process;
use crate::world::http::request;
use crate::world::server::PATIENCE;

/// Files of the store that hang whoever reads them, until they are let go.
struct Hanging(Vec<HangingFile>);

struct HangingFile {
    path: PathBuf,
    true_file: PathBuf,
    pipe: PathBuf,
}

impl Hanging {
    fn instead_of(stage: &Stage) -> Self {
        let files = stage.stored().into_iter().map(|(path, _)| path);
        let files = files.filter(|path| path.extension().is_none());
        let hang = |(number, path): (usize, PathBuf)| {
            let [true_file, pipe] = ["true", "pipe"].map(|kind| stage.beside(&format!("{kind}-{number}")));
            fs::rename(&path, &true_file).unwrap();
            // Who opens it to read waits for somebody to write.
            assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
            fs::hard_link(&pipe, &path).unwrap();
            HangingFile {
                path,
                true_file,
                pipe,
            }
        };
        Self(files.enumerate().map(hang).collect())
    }

    /// Whoever waits reads an empty file, and the true one when it asks again.
    fn let_go(self) {
        for file in &self.0 {
            fs::rename(&file.true_file, &file.path).unwrap();
        }
        for file in &self.0 {
            // Opened for both, a pipe does not wait; closed again, whoever reads comes to an end.
            let both = fs::OpenOptions::new().read(true).write(true).open(&file.pipe);
            drop(both.unwrap());
        }
    }
}

/// The numbers of `/metrics` by their names.
fn figure(metrics: &str, name: &str) -> Option<u64> {
    let line = metrics
        .lines()
        .find(|line| line.starts_with(&format!("{name} ")))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_restore_is_seen_on_the_admin_port() {
    let stage = Stage::new()
        .await
        .with("CHECKPOINT__INLINE_SIZE", "0")
        .with("CHECKPOINT__SILENCE_TIMEOUT", "1h");
    let server = stage.registered().await;
    add(&server, "a", 7).await;
    checkpoint(&server).await;
    assert_eq!(server.terminate().code(), Some(0));
    lose_copies(&stage.data());
    fs::remove_dir_all(stage.data().join("state/partition-0001")).unwrap();
    let hanging = Hanging::instead_of(&stage);

    let mut server = Process::start(&mut stage.command());
    let words = server.stderr();
    let admin = loop {
        let line: Value = serde_json::from_str(&words.next().unwrap()).unwrap();
        if let Some(address) = line["fields"]["admin"].as_str() {
            break address.to_owned();
        }
    };
    let begun = Instant::now();
    let health = loop {
        let answer = request(&admin, "GET", "/health", &[], b"").await;
        assert_eq!(answer.status, 503);
        let start = answer.json()["start"].clone();
        if start["phase"] == "restoring" && start["wanted_bytes"] != 0 {
            break answer;
        }
        assert!(begun.elapsed() < PATIENCE, "{}", answer.text());
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(health.header("retry-after"), Some("1"));
    let start = health.json()["start"].clone();
    assert_eq!(
        (&start["partition"], &start["checkpoint"]),
        (&1.into(), &1.into())
    );
    assert_eq!(start["partitions_left"], 3, "the first one is open");
    let message = health.json()["message"].as_str().unwrap().to_owned();
    assert!(
        message.contains("partition 1 is restored from checkpoint 1"),
        "{message}"
    );
    let metrics = request(&admin, "GET", "/metrics", &[], b"").await;
    assert_eq!(metrics.status, 200);
    let metrics = metrics.text();
    assert_eq!(figure(&metrics, "everspan_starting"), Some(1));
    assert_eq!(figure(&metrics, "everspan_start_partitions_left"), Some(3));
    assert_eq!(figure(&metrics, "everspan_start_restored_bytes"), Some(0));
    let wanted = figure(&metrics, "everspan_start_wanted_bytes").unwrap();
    assert!(wanted > 0, "{metrics}");
    let other = request(&admin, "GET", "/deployments", &[], b"").await;
    assert_eq!(other.status, 503, "{}", other.text());

    hanging.let_go();
    while !words.next().unwrap().contains("is up") {}
    let metrics = request(&admin, "GET", "/metrics", &[], b"").await.text();
    assert_eq!(figure(&metrics, "everspan_starting"), Some(0));
    assert_eq!(figure(&metrics, "everspan_start_partitions_left"), Some(0));
    assert_eq!(figure(&metrics, "everspan_start_restored_bytes"), Some(wanted));
    assert_eq!(request(&admin, "GET", "/health", &[], b"").await.status, 200);
    drop(server);
    assert_eq!(balance(&stage.server(), "a").await, 7);
}
