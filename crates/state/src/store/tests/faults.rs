//! Stores that are full, slow, or change bytes.

use super::*;
use crate::{
    Backend, Durability, LsmBackend, LsmOptions, LsmShared, Owner, SnapshotFiles, SnapshotWriter, Snapshots,
};

fn faulty() -> (Arc<Faulty>, CheckpointStore) {
    let objects = Arc::new(Faulty::new(InMemory::new(), 1, 0));
    let store = over(Arc::clone(&objects) as Arc<DynObjectStore>);
    (objects, store)
}

#[test]
fn a_full_store_fails_the_checkpoint_and_the_next_one_goes_on_when_there_is_room() {
    runtime().block_on(async {
        let (objects, store) = faulty();
        store.list().await.unwrap();
        checkpoint(&store, 1, &["aaaa"]).await.unwrap();
        objects.set_room(5);
        let error = checkpoint(&store, 2, &["bbbb", "cccc"]).await.unwrap_err();
        assert!(matches!(error, StoreError::Failed { .. }), "{error}");
        assert!(error.to_string().contains("no space left"), "{error}");
        assert_eq!(
            store.counters().failed_requests,
            u64::from(options().retry.tries_max)
        );
        store.abort(2).await.unwrap();
        assert_eq!(super::objects(&store).await, stored(&["aaaa"], &[1]));
        objects.set_room(u64::MAX);
        checkpoint(&store, 3, &["aaaa", "bbbb", "cccc"]).await.unwrap();
        assert_eq!(
            super::objects(&store).await,
            stored(&["aaaa", "bbbb", "cccc"], &[1, 3])
        );
    });
}

#[test]
fn a_file_that_comes_damaged_is_asked_for_again_and_given_up_when_it_stays_so() {
    runtime().block_on(async {
        let (objects, store) = faulty();
        let dir = tempfile::tempdir().unwrap();
        let (name, source) = file("a file's text");
        let moved = store.put(1, "x", name, &source).await.unwrap();
        objects.damage_next(2);
        let to = dir.path().join("mended");
        store.fetch(&moved.handle, &to).await.unwrap();
        assert_eq!(std::fs::read(to).unwrap(), b"a file's text");
        assert_eq!(store.counters().damaged_files, 2);
        objects.damage_next(3);
        let to = dir.path().join("damaged");
        let error = store.fetch(&moved.handle, &to).await.unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(store.counters().damaged_files, 5);
    });
}

#[test]
fn a_store_that_falls_silent_is_asked_again_and_given_up_after_three_times() {
    runtime().block_on(async {
        let (objects, store) = faulty();
        let dir = tempfile::tempdir().unwrap();
        let (name, source) = file("a file's text");
        let moved = store.put(1, "x", name, &source).await.unwrap();
        objects.silence_next(2);
        let to = dir.path().join("in-the-end");
        store.fetch(&moved.handle, &to).await.unwrap();
        assert_eq!(std::fs::read(to).unwrap(), b"a file's text");
        objects.silence_next(u64::MAX);
        let error = store.fetch(&moved.handle, &dir.path().join("never")).await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains("failed 3 times"), "{error}");
        assert!(error.contains("no byte came for 30s"), "{error}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        store.publish(&manifest(1, vec![moved.handle])).await.unwrap();
        let error = store.manifest(1).await.unwrap_err().to_string();
        assert!(error.contains("no byte came for 30s"), "{error}");
    });
}

#[test]
fn a_directory_that_falls_silent_within_a_file_is_given_up_after_three_times() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let mut options = options();
        options.silence_max = Some(Duration::from_millis(20));
        options.retry.first_pause = Duration::from_millis(1);
        let store = CheckpointStore::open(dir.path().join("store").to_str().unwrap(), options).unwrap();
        let (name, source) = file("a file's text");
        let moved = store.put(1, "x", name, &source).await.unwrap();
        let path = dir
            .path()
            .join("store")
            .join(names::file_path(&store.prefix, name).as_ref());
        std::fs::remove_file(&path).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        // It can be opened, and has nothing to read.
        let pipe = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .unwrap();
        for durability in [Durability::Lasting, Durability::Scratch] {
            let fetched = store
                .fetch_as(&moved.handle, &dir.path().join("x"), durability)
                .await;
            let error = fetched.unwrap_err().to_string();
            assert!(error.contains("failed 3 times"), "{error}");
            assert!(error.contains("no byte came for 20ms"), "{error}");
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "the store");
        drop(pipe);
    });
}

#[test]
fn what_is_damaged_or_gone_in_the_store_is_put_again_by_the_next_checkpoint() {
    let damages: [(&str, Option<&[u8]>); 3] = [
        ("flipped", Some(b"a file's taxt")),
        ("cut off", Some(b"a file")),
        ("gone", None),
    ];
    for (what, bytes) in damages {
        // The start notices what is gone or cut off; the rest is noticed by who reads it.
        for is_read in [true, false] {
            runtime().block_on(async {
                let objects: Arc<DynObjectStore> = Arc::new(InMemory::new());
                let store = opened(Arc::clone(&objects)).await;
                checkpoint(&store, 1, &["a file's text"]).await.unwrap();
                let (name, _) = file("a file's text");
                match bytes {
                    Some(bytes) => store.overwrite(name, Bytes::from_static(bytes)).await,
                    None => store
                        .objects
                        .delete(&names::file_path(&store.prefix, name))
                        .await
                        .unwrap(),
                }
                let store = opened(Arc::clone(&objects)).await;
                let noticed = if is_read {
                    let manifest = store.manifest(1).await.unwrap().unwrap().unwrap();
                    let to = tempfile::tempdir().unwrap();
                    let handle = &manifest.tasks[0].parts[0].handles[0];
                    store.fetch(handle, &to.path().join("x")).await.is_err()
                } else {
                    let cleaned = store.clean(Duration::ZERO, SystemTime::now()).await;
                    cleaned.unwrap().missing == 1
                };
                assert_eq!(noticed, is_read || what != "flipped", "{what}");
                let moved = checkpoint(&store, 2, &["a file's text"]).await.unwrap();
                assert_eq!(moved, if noticed { 13 } else { 0 }, "{what}");
                let moved = checkpoint(&store, 3, &["a file's text"]).await.unwrap();
                assert_eq!(moved, 0, "{what}: once is enough");
            });
        }
    }
}

/// A state with some rows in tables, and its snapshot.
fn snapshot_of(state: &mut LsmBackend, position: u64, to: &std::path::Path) -> SnapshotFiles {
    for key in 0..100u64 {
        state.put(&key.to_be_bytes(), &position.to_be_bytes());
    }
    state.commit(position);
    state.snapshot().unwrap().write(to).unwrap()
}

#[test]
fn while_a_slow_store_takes_a_snapshot_the_state_works_on_and_flushes() {
    let dir = tempfile::tempdir().unwrap();
    let owner = Owner {
        partition: 0,
        partitions: 1,
        cluster: "slow".to_owned(),
    };
    let lsm = LsmOptions::new(LsmShared::start(1 << 20, 64).unwrap(), owner);
    let mut state = LsmBackend::open(&dir.path().join("state"), lsm).unwrap();
    let files = snapshot_of(&mut state, 1, &dir.path().join("s1"));
    let (objects, store) = faulty();
    objects.hold_puts();
    let upload = std::thread::spawn(move || {
        let uploaded = runtime().block_on(store.upload(1, &files)).unwrap();
        (store, uploaded)
    });
    for position in 2..=20 {
        snapshot_of(&mut state, position, &dir.path().join(format!("s{position}")));
    }
    assert!(!upload.is_finished(), "the store holds every put");
    objects.let_puts();
    let (store, uploaded) = upload.join().expect("the upload goes on");
    let names: Vec<_> = uploaded
        .handles
        .iter()
        .map(|handle| handle.label.as_str())
        .collect();
    assert!(names.contains(&"tree/current"), "{names:?}");
    for handle in &uploaded.handles {
        let to = dir.path().join("fetched");
        runtime().block_on(store.fetch(handle, &to)).unwrap();
        std::fs::remove_file(to).unwrap();
    }
}
