//! Killed again and again, under load, in the midst of checkpoints and of restores.
//!
//! `CHECKPOINT_KILLS=50` kills more often than the few times that a usual run does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use everspan_state::store::{CheckpointStore, FileName, StoreOptions};
use everspan_state::{KeyGroup, KeyGroupRange, Owned, Recovery};
use serde_json::json;

use super::recovered::{lose_copies, until_idle};
use super::stage::{Stage, checkpoint, post, shown, total};
use crate::world::bank::ACCOUNTS;
use crate::world::collector::{number, text};
use crate::world::server::{Server, started_and_killed};

const KILLS: u64 = 6;

fn kills() -> u64 {
    let asked = std::env::var("CHECKPOINT_KILLS");
    asked.map_or(KILLS, |text| text.parse().unwrap())
}

/// Numbers that differ from run to run only by the seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Ids of transfers that were accepted.
type Accepted = Arc<Mutex<Vec<String>>>;

/// Sends transfers until the server is gone.
async fn load(server: Arc<Server>, accepted: Accepted) {
    for from in (0..ACCOUNTS).cycle() {
        let sent = post(&server, "/Bank/transfer/send", &from.to_string()).await;
        if sent.status != 202 {
            return;
        }
        let id = sent.json()["invocationId"].as_str().unwrap().to_owned();
        accepted.lock().unwrap().push(id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_in_checkpoints_and_restores_leave_no_half_checkpoint_and_lose_nothing() {
    let stage = Stage::new()
        .await
        .with("CHECKPOINT__INTERVAL", "20ms")
        .with("CHECKPOINT__RETAINED", "2")
        .with("CHECKPOINT__INLINE_SIZE", "500");
    let server = stage.registered().await;
    checkpoint(&server).await;
    server.kill();
    let (mut dice, accepted) = (Dice(7), Accepted::default());
    for round in 0..kills() {
        let server = Arc::new(stage.server());
        let work = tokio::spawn(load(Arc::clone(&server), Arc::clone(&accepted)));
        tokio::time::sleep(Duration::from_millis(dice.below(400))).await;
        server.kill_now();
        work.await.unwrap();
        drop(server);
        assert_whole(&stage.store()).await;
        if round % 2 == 1 {
            let lost = stage.data().join(format!("state/partition-000{}", dice.below(4)));
            fs::remove_dir_all(lost).unwrap();
            if round % 4 == 1 {
                lose_copies(&stage.data());
            }
            started_and_killed(stage.command(), Duration::from_millis(dice.below(200)));
        }
    }
    let server = stage.server();
    until_idle(&server.admin).await;
    assert_eq!(total(&server).await, 0, "no transfer was done half or twice");
    let accepted = accepted.lock().unwrap().clone();
    for id in &accepted {
        assert_eq!(
            server.invocation(id).await["status"],
            "completed",
            "{id} was accepted"
        );
    }
    checkpoint(&server).await;
    server.kill();
    assert_whole(&stage.store()).await;

    // A start without checkpoints of its own cleans up.
    let stage = stage.with("CHECKPOINT__INTERVAL", "0s");
    let server = stage.server();
    for _ in 0..500 {
        if shown(&server).await["waits_for"] == json!(null) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(
        stored_files(&stage),
        named_files(&stage.store()).await,
        "no orphan is left"
    );
    let told = stage.collector.named("Checkpoint");
    let mut ends = BTreeMap::new();
    for span in &told {
        let (id, status) = (number(span, "checkpointId"), text(span, "checkpointStatus"));
        let before = ends.insert(id, status.clone());
        // A crash between telling and noting it tells it again.
        assert!(
            before.is_none_or(|before| before == status),
            "checkpoint {id} ended twice"
        );
    }
    assert!(ends.values().any(|status| status == "COMPLETED"), "{ends:?}");
}

async fn open(store: &Path) -> (CheckpointStore, Vec<everspan_state::store::Manifest>) {
    let store = CheckpointStore::open(store.to_str().unwrap(), StoreOptions::default()).unwrap();
    let listing = store.list().await.unwrap();
    assert!(listing.damaged.is_empty(), "{:?}", listing.damaged);
    (store, listing.readable)
}

/// Every checkpoint that exists has every byte of every file.
async fn assert_whole(store: &Path) {
    let (store, manifests) = open(store).await;
    let recovery = Recovery {
        store: Some(&store),
        ..Recovery::default()
    };
    for manifest in manifests {
        for partition in 0..4 {
            let to = tempfile::tempdir().unwrap();
            let owner = Owned {
                task: "partition".to_owned(),
                range: KeyGroupRange::new(KeyGroup(partition), KeyGroup(partition)),
                to: to.path().join("part"),
            };
            let fetched = recovery.fetch(&manifest, &owner).await;
            fetched.unwrap_or_else(|error| panic!("checkpoint {}: {error}", manifest.checkpoint));
        }
    }
}

async fn named_files(store: &Path) -> BTreeSet<FileName> {
    let (_, manifests) = open(store).await;
    manifests
        .iter()
        .flat_map(|manifest| manifest.stored().collect::<Vec<_>>())
        .collect()
}

fn stored_files(stage: &Stage) -> BTreeSet<FileName> {
    let files = stage.stored().into_iter().map(|(path, _)| path);
    let names = files.filter(|path| path.extension().is_none());
    names
        .map(|path| path.file_name().unwrap().to_str().unwrap().parse().unwrap())
        .collect()
}
