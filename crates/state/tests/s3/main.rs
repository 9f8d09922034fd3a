//! Checkpoints in a store that speaks S3 over HTTP: what the object store's client, the server and we make of each
//! other. Run by `cargo xtask test --only s3`, which installs the server.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod server;

use std::path::Path;
use std::time::{Duration, SystemTime};

use everspan_state::store::{CheckpointStore, Manifest, Part, StoreError, TaskState, Uploaded};
use everspan_state::{
    Backend, KeyGroupRange, LsmBackend, LsmOptions, LsmShared, Owned, Owner, Recovery, SnapshotWriter,
    Snapshots,
};
use server::Server;

fn run(test: impl AsyncFnOnce()) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(test());
}

fn whole() -> KeyGroupRange {
    KeyGroupRange::of_owner(0, 1, 1)
}

fn options() -> LsmOptions {
    let owner = Owner {
        partition: 0,
        partitions: 1,
        cluster: "s3".to_owned(),
    };
    LsmOptions::new(LsmShared::start(1 << 20, 64).unwrap(), owner)
}

/// Rows that do not compress, in more bytes than one request takes.
fn fill(state: &mut LsmBackend) {
    let mut word = 1u64;
    for key in 0..200_000u64 {
        let mut value = [0; 96];
        for bytes in value.chunks_exact_mut(8) {
            word ^= word << 13;
            word ^= word >> 7;
            word ^= word << 17;
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        state.put(&key.to_be_bytes(), &value);
    }
    state.commit(1);
}

fn manifest(checkpoint: u64, uploaded: Uploaded) -> Manifest {
    Manifest {
        checkpoint,
        job: "job".to_owned(),
        run: "run".to_owned(),
        is_savepoint: false,
        created_ms: 1,
        tasks: vec![TaskState {
            task: "partition".to_owned(),
            key_groups: 1,
            parts: vec![Part {
                range: whole(),
                position: checkpoint,
                format: "lsm-tree 3".to_owned(),
                handles: uploaded.handles,
            }],
        }],
        attachments: Vec::new(),
    }
}

/// Puts the state into the store; returns how many bytes were new.
async fn checkpoint(store: &CheckpointStore, state: &mut LsmBackend, dir: &Path) -> u64 {
    let number = state.applied();
    let files = state
        .snapshot()
        .unwrap()
        .write(&dir.join(number.to_string()))
        .unwrap();
    let uploaded = store.upload(number, &files).await.unwrap();
    let new_bytes = uploaded.new_bytes;
    store.publish(&manifest(number, uploaded)).await.unwrap();
    new_bytes
}

#[test]
#[ignore = "needs an S3 server: cargo xtask test --only s3"]
fn a_state_comes_back_from_s3_and_only_what_changed_travels() {
    run(async || {
        let server = Server::start();
        let dir = tempfile::tempdir().unwrap();
        let store = server.store("s3://bucket/deep/prefix");
        assert!(store.list().await.unwrap().readable.is_empty());
        let mut state = LsmBackend::open(&dir.path().join("state"), options()).unwrap();
        fill(&mut state);
        let first = checkpoint(&store, &mut state, dir.path()).await;
        assert!(first > 16 << 20, "{first} bytes go in several pieces");
        state.put(b"more", b"rows");
        state.commit(2);
        let second = checkpoint(&store, &mut state, dir.path()).await;
        assert!(second < first / 100, "{second} bytes for one row");
        let digest = state.digest().unwrap();
        drop(state);

        // Another host.
        let store = server.store("s3://bucket/deep/prefix");
        let recovery = Recovery {
            store: Some(&store),
            ..Recovery::default()
        };
        let owner = Owned {
            task: "partition".to_owned(),
            range: whole(),
            to: dir.path().join("fetched"),
        };
        let (found, problems) = recovery.newest(&[owner]).await.unwrap();
        assert_eq!(problems, []);
        let fetched = found.unwrap().owners.remove(0);
        assert!(fetched.bytes.remote > first / 2 && fetched.download.is_some());
        let to = dir.path().join("restored");
        let restored = LsmBackend::restore(&fetched.parts, whole(), &to, options()).unwrap();
        assert_eq!(restored.state.digest().unwrap(), digest);

        store.forget(1).await.unwrap();
        let cleaned = store.clean(Duration::ZERO, SystemTime::now()).await.unwrap();
        assert_eq!(cleaned.files, 0, "forgetting removed what only the first named");
        store.forget(2).await.unwrap();
        assert!(store.list().await.unwrap().readable.is_empty());
    });
}

#[test]
#[ignore = "needs an S3 server: cargo xtask test --only s3"]
fn of_two_who_publish_the_same_number_one_wins_and_the_other_is_told() {
    run(async || {
        let server = Server::start();
        let (one, other) = (server.store("s3://bucket/job"), server.store("s3://bucket/job"));
        let nothing = || Uploaded {
            handles: Vec::new(),
            new_bytes: 0,
            full_bytes: 0,
            took: Duration::ZERO,
        };
        let mine = manifest(1, nothing());
        let mut theirs = mine.clone();
        theirs.run = "theirs".to_owned();
        let (mine, theirs) = tokio::join!(one.publish(&mine), other.publish(&theirs));
        let lost = match (mine, theirs) {
            (Ok(_), Err(lost)) | (Err(lost), Ok(_)) => lost,
            other => panic!("one of two wins: {other:?}"),
        };
        assert!(matches!(lost, StoreError::Exists { .. }), "{lost}");
        assert_eq!(one.list().await.unwrap().readable.len(), 1);
    });
}

#[test]
#[ignore = "needs an S3 server: cargo xtask test --only s3"]
fn a_server_that_is_gone_and_a_bucket_that_never_was_are_errors_with_their_reason() {
    run(async || {
        let server = Server::start();
        let missing = server.store("s3://no-such-bucket/job");
        let error = missing.list().await.unwrap_err().to_string();
        assert!(
            error.contains("missing") || error.contains("NoSuchBucket"),
            "{error}"
        );
        let store = server.store("s3://bucket/job");
        store.list().await.unwrap();
        drop(server);
        let error = store.list().await.unwrap_err();
        assert!(matches!(error, StoreError::Failed { tries: 2, .. }), "{error}");
    });
}
