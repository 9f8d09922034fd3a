//! What the servers go through whose spans are looked at.

use std::fs;
use std::net::TcpListener;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::checkpointed::made::assert_sane;
use crate::checkpointed::recovered::lose_copies;
use crate::checkpointed::stage::{Stage, add, ask, checkpoint, post, shown};
use crate::world::bank::ACCOUNTS;
use crate::world::collector::Collector;
use crate::world::server::{PATIENCE, Server};

/// A complete checkpoint, a failed one, a savepoint, a crash, a start from copies, memory and store.
pub(super) static LIFE: LazyLock<Life> = LazyLock::new(|| play(life()));
/// Checkpoints that end with their time and with the process, a start without the state of a partition.
pub(super) static TROUBLE: LazyLock<Trouble> = LazyLock::new(|| play(trouble()));

fn play<T>(scene: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(scene)
}

pub(super) struct Life {
    pub(super) collector: Collector,
    /// What was answered to who asked for checkpoint 1.
    pub(super) answer: Value,
    /// Bytes of the manifest of checkpoint 1.
    pub(super) manifest_bytes: u64,
    /// Bytes of all other files in the store when there was only checkpoint 1.
    pub(super) stored_bytes: u64,
}

async fn life() -> Life {
    let stage = Stage::new().await.with("CHECKPOINT__INLINE_SIZE", "300");
    let server = stage.registered().await;
    for account in 0..ACCOUNTS {
        add(&server, &account.to_string(), 1).await;
        post(&server, &format!("/Account/{account}/fill"), "20000").await;
    }
    let answer = checkpoint(&server).await;
    let stored = stage.stored().into_iter();
    let (manifests, files): (Vec<_>, Vec<_>) =
        stored.partition(|(path, _)| path.extension().is_some_and(|of| of == "manifest"));
    // A file where the store has a directory: manifests cannot be put there.
    let manifests_dir = stage.store().join("checkpoints");
    let away = stage.beside("away");
    fs::rename(&manifests_dir, &away).unwrap();
    fs::write(&manifests_dir, b"").unwrap();
    assert_eq!(ask(&server, &json!({})).await.status, 500);
    fs::remove_file(&manifests_dir).unwrap();
    fs::rename(&away, &manifests_dir).unwrap();
    assert_eq!(ask(&server, &json!({ "kind": "savepoint" })).await.status, 200);
    server.kill();
    lose_copies(&stage.data());
    fs::remove_dir_all(stage.data().join("state/partition-0001")).unwrap();
    let server = stage.server();
    stage.collector.until("JobInitialization", 2).await;
    assert_eq!(server.terminate().code(), Some(0), "all spans were sent");
    assert_sane(&stage);
    Life {
        collector: stage.collector.clone(),
        answer,
        manifest_bytes: manifests.iter().map(|(_, bytes)| bytes).sum(),
        stored_bytes: files.iter().map(|(_, bytes)| bytes).sum(),
    }
}

pub(super) struct Trouble {
    pub(super) collector: Collector,
    /// What the server said that did not start.
    pub(super) said: String,
}

async fn trouble() -> Trouble {
    // A store that takes connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let options = format!(
        "endpoint=http://{},region=us-east-1,access_key_id=test,secret_access_key=test,allow_http=true",
        silent.local_addr().unwrap()
    );
    let savepoint = json!({ "kind": "savepoint", "destination": "s3://silent/savepoints" });
    let stage = Stage::new()
        .await
        .with("CHECKPOINT__OPTIONS", &options)
        .with("CHECKPOINT__TIMEOUT", "50ms");
    let server = stage.registered().await;
    add(&server, "a", 1).await;
    let answer = ask(&server, &savepoint).await;
    assert_eq!(answer.status, 500, "{}", answer.text());
    assert_eq!(server.terminate().code(), Some(0), "all spans were sent");

    let stage = stage.with("CHECKPOINT__TIMEOUT", "10m");
    killed_in_the_midst_of(&savepoint, stage.server()).await;
    let server = stage.server();
    stage.collector.until("Checkpoint", 2).await;
    assert_eq!(server.terminate().code(), Some(0), "all spans were sent");

    let (partition, away) = (stage.data().join("state/partition-0001"), stage.beside("away"));
    let (log, log_away) = (stage.data().join("log"), stage.beside("log-away"));
    fs::rename(&partition, &away).unwrap();
    // Else the partition would be made of the log.
    fs::rename(&log, &log_away).unwrap();
    fs::create_dir(&log).unwrap();
    let (code, said) = stage.refused();
    assert_eq!(code, Some(1), "{said}");
    fs::rename(&away, &partition).unwrap();
    fs::remove_dir_all(&log).unwrap();
    fs::rename(&log_away, &log).unwrap();
    let server = stage.server();
    stage.collector.until("JobInitialization", 5).await;
    assert_eq!(server.terminate().code(), Some(0), "all spans were sent");
    assert_sane(&stage);
    Trouble {
        collector: stage.collector.clone(),
        said,
    }
}

/// Asks for it, and kills the server once it has begun.
async fn killed_in_the_midst_of(savepoint: &Value, server: Server) {
    let server = Arc::new(server);
    let (asked, body) = (Arc::clone(&server), savepoint.clone());
    let asking = tokio::spawn(async move { ask(&asked, &body).await });
    let begun = Instant::now();
    while shown(&server).await["in_progress"] == json!([]) {
        assert!(begun.elapsed() < PATIENCE, "no checkpoint is under way");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled(), "nobody answers");
    Arc::into_inner(server).unwrap().kill();
}
