//! Stores that are full, slow, or change bytes.

use super::*;
use crate::{Backend, LsmBackend, LsmOptions, LsmShared, Owner, SnapshotFiles, SnapshotWriter, Snapshots};

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
