use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use object_store::memory::InMemory;
use proptest::prelude::*;

use super::*;
use crate::key_group::KeyGroupRange;

mod faults;
mod faulty;

use faulty::Faulty;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
}

fn options() -> StoreOptions {
    StoreOptions {
        inline_below: 4,
        ..StoreOptions::default()
    }
}

/// Soon at the end of its patience.
fn impatient(objects: Arc<DynObjectStore>) -> CheckpointStore {
    let mut store = over(objects);
    store.options.retry.tries_max = 2;
    store
}

fn over(objects: Arc<DynObjectStore>) -> CheckpointStore {
    CheckpointStore::over(objects, StorePath::from("job"), "memory".to_owned(), options())
}

/// A store whose manifests were read.
async fn opened(objects: Arc<DynObjectStore>) -> CheckpointStore {
    let store = over(objects);
    store.list().await.unwrap();
    store
}

fn file(text: &str) -> (FileName, Source) {
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    (FileName::of(&bytes), Source::Bytes(bytes))
}

/// Puts these files and publishes a checkpoint of them; returns how many bytes were new.
async fn checkpoint(store: &CheckpointStore, number: u64, files: &[&str]) -> Result<u64, StoreError> {
    let (mut handles, mut new_bytes) = (Vec::new(), 0);
    for text in files {
        let (name, source) = file(text);
        let moved = store.put(number, text, name, &source).await?;
        new_bytes += moved.new_bytes;
        handles.push(moved.handle);
    }
    store.publish(&manifest(number, handles)).await?;
    Ok(new_bytes)
}

fn manifest(number: u64, handles: Vec<Handle>) -> Manifest {
    Manifest {
        checkpoint: number,
        job: "job".to_owned(),
        run: "run".to_owned(),
        is_savepoint: false,
        created_ms: number,
        tasks: vec![TaskState {
            task: "t".to_owned(),
            key_groups: 1,
            parts: vec![Part {
                range: KeyGroupRange::of_owner(0, 1, 1),
                position: number,
                format: "test".to_owned(),
                handles,
            }],
        }],
        attachments: Vec::new(),
    }
}

impl CheckpointStore {
    /// Damages a file.
    pub(crate) async fn overwrite(&self, name: FileName, bytes: Bytes) {
        let path = names::file_path(&self.prefix, name);
        self.objects.put(&path, bytes.into()).await.unwrap();
    }
}

/// Every object of the store, below its prefix.
async fn objects(store: &CheckpointStore) -> BTreeSet<String> {
    let metas = store.list_under(&store.prefix).await.unwrap();
    let paths = metas.iter().map(|meta| meta.location.to_string());
    paths
        .map(|path| path.strip_prefix("job/").unwrap_or(&path).to_owned())
        .collect()
}

fn stored(files: &[&str], checkpoints: &[u64]) -> BTreeSet<String> {
    let files = files.iter().map(|text| {
        let (name, _) = file(text);
        let name = name.to_string();
        format!("files/{}/{name}", &name[..2])
    });
    let manifests = checkpoints
        .iter()
        .map(|number| format!("checkpoints/{number:020}.manifest"));
    files.chain(manifests).collect()
}

#[test]
fn only_files_the_store_lacks_are_moved_and_small_ones_lie_in_the_manifest() {
    runtime().block_on(async {
        let store = over(Arc::new(InMemory::new()));
        assert_eq!(
            checkpoint(&store, 1, &["aaaa", "bbbbb", "abc"]).await.unwrap(),
            12
        );
        assert_eq!(
            checkpoint(&store, 2, &["aaaa", "bbbbb", "cccccc"]).await.unwrap(),
            6
        );
        assert_eq!(
            objects(&store).await,
            stored(&["aaaa", "bbbbb", "cccccc"], &[1, 2])
        );
        let again = over(Arc::clone(&store.objects));
        assert_eq!(again.list().await.unwrap().readable.len(), 2);
        assert_eq!(
            checkpoint(&again, 3, &["aaaa"]).await.unwrap(),
            0,
            "a store that was opened again knows its files"
        );
    });
}

#[test]
fn a_file_goes_with_the_last_checkpoint_that_names_it() {
    runtime().block_on(async {
        let store = opened(Arc::new(InMemory::new())).await;
        checkpoint(&store, 1, &["aaaa", "bbbb"]).await.unwrap();
        checkpoint(&store, 2, &["bbbb", "cccc"]).await.unwrap();
        store.forget(1).await.unwrap();
        assert_eq!(objects(&store).await, stored(&["bbbb", "cccc"], &[2]));
        store.forget(1).await.unwrap();
        store.forget(2).await.unwrap();
        assert_eq!(objects(&store).await, stored(&[], &[]));
    });
}

#[test]
fn a_checkpoint_under_way_keeps_its_files_when_others_go() {
    runtime().block_on(async {
        let store = over(Arc::new(InMemory::new()));
        checkpoint(&store, 1, &["aaaa"]).await.unwrap();
        let (name, source) = file("aaaa");
        let moved = store.put(2, "a", name, &source).await.unwrap();
        assert_eq!(moved.new_bytes, 0);
        store.forget(1).await.unwrap();
        let cleaned = store.clean(Duration::ZERO, in_an_hour()).await.unwrap();
        assert_eq!(cleaned.files, 0);
        store.publish(&manifest(2, vec![moved.handle])).await.unwrap();
        assert_eq!(objects(&store).await, stored(&["aaaa"], &[2]));
    });
}

#[test]
fn what_was_put_for_an_aborted_checkpoint_is_removed_unless_another_needs_it() {
    runtime().block_on(async {
        let store = opened(Arc::new(InMemory::new())).await;
        checkpoint(&store, 1, &["aaaa"]).await.unwrap();
        for text in ["aaaa", "bbbb"] {
            let (name, source) = file(text);
            store.put(2, text, name, &source).await.unwrap();
        }
        store.abort(2).await.unwrap();
        assert_eq!(objects(&store).await, stored(&["aaaa"], &[1]));
    });
}

#[test]
fn orphans_are_cleaned_once_they_are_old_and_not_while_a_manifest_is_damaged() {
    runtime().block_on(async {
        let store = over(Arc::new(InMemory::new()));
        checkpoint(&store, 1, &["aaaa"]).await.unwrap();
        let (name, source) = file("orphan");
        store.put(2, "o", name, &source).await.unwrap();
        // The process dies, another one comes.
        let store = over(Arc::clone(&store.objects));
        let hour = Duration::from_secs(3600);
        let young = store.clean(hour, SystemTime::now()).await.unwrap();
        assert_eq!(young.files, 0);

        let damaged = names::manifest_path(&store.prefix, 9);
        store.objects.put(&damaged, "nonsense".into()).await.unwrap();
        let store = over(Arc::clone(&store.objects));
        let blocked = store.clean(hour, in_an_hour()).await.unwrap();
        assert!(blocked.blocked_by_damage);
        store.forget(9).await.unwrap();

        let cleaned = store.clean(Duration::ZERO, in_an_hour()).await.unwrap();
        assert_eq!((cleaned.files, cleaned.bytes), (1, 6));
        assert_eq!(objects(&store).await, stored(&["aaaa"], &[1]));
    });
}

fn in_an_hour() -> SystemTime {
    SystemTime::now() + Duration::from_secs(3601)
}

#[test]
fn a_number_is_given_once() {
    runtime().block_on(async {
        let store = over(Arc::new(InMemory::new()));
        checkpoint(&store, 1, &["aaaa"]).await.unwrap();
        let mut other = manifest(1, Vec::new());
        other.run = "another".to_owned();
        assert!(matches!(
            store.publish(&other).await,
            Err(StoreError::Exists { .. })
        ));
        let same = store.manifest(1).await.unwrap().unwrap().unwrap();
        assert_eq!(same.run, "run");
        store
            .publish(&same)
            .await
            .expect("the same manifest again is no conflict");
    });
}

#[test]
fn a_damaged_manifest_is_listed_as_damaged_and_the_others_are_read() {
    runtime().block_on(async {
        let store = over(Arc::new(InMemory::new()));
        checkpoint(&store, 1, &["aaaa"]).await.unwrap();
        let copy = store.get(&names::manifest_path(&store.prefix, 1)).await.unwrap();
        let path = names::manifest_path(&store.prefix, 2);
        store.objects.put(&path, copy.into()).await.unwrap();
        let listing = store.list().await.unwrap();
        assert_eq!(listing.readable.len(), 1);
        let other = ManifestError::OtherNumber {
            expected: 2,
            found: 1,
        };
        assert_eq!(listing.damaged, [(2, other)]);
    });
}

#[test]
fn a_file_is_fetched_whole_or_not_at_all() {
    runtime().block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let store = over(Arc::new(InMemory::new()));
        for (text, what) in [("abc", "inline"), ("a longer text", "stored")] {
            let (name, source) = file(text);
            let moved = store.put(1, what, name, &source).await.unwrap();
            let to = dir.path().join(what);
            store.fetch(&moved.handle, &to).await.unwrap();
            assert_eq!(std::fs::read(&to).unwrap(), text.as_bytes(), "{what}");
        }
        let (name, _) = file("a longer text");
        let path = names::file_path(&store.prefix, name);
        store.objects.put(&path, "a longer tent".into()).await.unwrap();
        let handle = Handle {
            label: String::new(),
            name,
            content: Content::Stored,
        };
        let to = dir.path().join("damaged");
        let fetched = store.fetch(&handle, &to).await;
        assert!(matches!(fetched, Err(StoreError::Damaged { .. })));
        assert!(!to.exists());
    });
}

#[test]
fn a_file_that_is_not_what_its_name_says_is_not_put() {
    runtime().block_on(async {
        let store = over(Arc::new(InMemory::new()));
        let (name, _) = file("one text");
        let (_, other) = file("two text");
        let put = store.put(1, "x", name, &other).await;
        assert!(matches!(put, Err(StoreError::Damaged { .. })));
        assert_eq!(objects(&store).await, stored(&[], &[]));
    });
}

#[test]
fn a_large_file_goes_in_pieces_and_comes_back_the_same() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("store");
        let store = CheckpointStore::open(place.to_str().unwrap(), options()).unwrap();
        let bytes: Vec<u8> = (0..20 << 20)
            .map(|at: u32| at.to_le_bytes()[1] ^ at.to_le_bytes()[2])
            .collect();
        let path: PathBuf = dir.path().join("large");
        std::fs::write(&path, &bytes).unwrap();
        let name = FileName::of(&bytes);
        let moved = store.put(1, "large", name, &Source::File(path)).await.unwrap();
        assert_eq!(moved.new_bytes, bytes.len() as u64);
        let back = dir.path().join("back");
        store.fetch(&moved.handle, &back).await.unwrap();
        assert!(std::fs::read(&back).unwrap() == bytes);
    });
}

#[test]
fn places_that_are_no_stores_are_refused_with_the_reason() {
    for (place, reason) in [
        ("", "it is empty"),
        ("ftp://host/dir", "unknown scheme ftp"),
        ("file://host/dir", "absolute path and no host"),
        ("/dev/null/dir", "Not a directory"),
        ("s3://", "s3"),
    ] {
        let error = CheckpointStore::open(place, options()).unwrap_err().to_string();
        assert!(
            error.contains(reason) && error.contains(place),
            "{place}: {error}"
        );
    }
}

#[test]
fn a_store_that_fails_for_ever_is_given_up_with_what_it_said() {
    runtime().block_on(async {
        let store = over(Arc::new(Faulty::new(InMemory::new(), 1, 100)));
        let error = checkpoint(&store, 1, &["aaaa"]).await.unwrap_err().to_string();
        assert!(
            error.contains("8 times") && error.contains("out of order"),
            "{error}"
        );
    });
}

/// What may be done with a store, and where the process may die.
#[derive(Clone, Debug)]
enum Step {
    Checkpoint(Vec<u8>),
    Abort(Vec<u8>),
    Forget(u8),
    Clean,
    Die,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let files = || proptest::collection::vec(0..6u8, 1..4);
    let step = prop_oneof![
        6 => files().prop_map(Step::Checkpoint),
        2 => files().prop_map(Step::Abort),
        3 => any::<u8>().prop_map(Step::Forget),
        1 => Just(Step::Clean),
        2 => Just(Step::Die),
    ];
    proptest::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// A store that fails a third of its requests, some of them after having done what was asked, and a process that
    /// dies at any time: whatever exists is whole, and a cleaning leaves nothing that nobody names.
    #[test]
    fn every_checkpoint_that_exists_is_whole(steps in steps(), seed in any::<u64>()) {
        runtime().block_on(async {
            let inner = Arc::new(Faulty::new(InMemory::new(), seed, 33));
            let mut store = impatient(Arc::clone(&inner) as Arc<DynObjectStore>);
            let mut number = 0;
            for step in steps {
                match step {
                    Step::Checkpoint(files) => {
                        number += 1;
                        let texts: Vec<String> = files.iter().map(|file| format!("file {file}")).collect();
                        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                        if checkpoint(&store, number, &texts).await.is_err() {
                            drop(store.abort(number).await);
                        }
                    }
                    Step::Abort(files) => {
                        number += 1;
                        for of in files {
                            let (name, source) = file(&format!("file {of}"));
                            drop(store.put(number, "f", name, &source).await);
                        }
                        drop(store.abort(number).await);
                    }
                    Step::Forget(which) => {
                        let numbers = store.numbers().await.unwrap_or_default();
                        if let Some(&number) = numbers.get(usize::from(which) % numbers.len().max(1)) {
                            drop(store.forget(number).await);
                        }
                    }
                    Step::Clean => drop(store.clean(Duration::ZERO, in_an_hour()).await),
                    Step::Die => {
                        store = impatient(Arc::clone(&inner) as Arc<DynObjectStore>);
                        drop(store.list().await);
                    }
                }
                inner.set_percent(0);
                let listing = over(Arc::clone(&inner) as Arc<DynObjectStore>).list().await.unwrap();
                let present = objects(&store).await;
                for manifest in &listing.readable {
                    for name in manifest.stored() {
                        let path = names::file_path(&StorePath::default(), name).to_string();
                        prop_assert!(present.contains(&path), "checkpoint {} lacks {path}", manifest.checkpoint);
                    }
                }
                inner.set_percent(33);
            }
            inner.set_percent(0);
            let store = impatient(Arc::clone(&inner) as Arc<DynObjectStore>);
            store.clean(Duration::ZERO, in_an_hour()).await.unwrap();
            let listing = store.list().await.unwrap();
            let named: BTreeSet<String> = listing
                .readable
                .iter()
                .flat_map(Manifest::stored)
                .map(|name| names::file_path(&StorePath::default(), name).to_string())
                .collect();
            let files: BTreeSet<String> =
                objects(&store).await.into_iter().filter(|path| path.starts_with("files/")).collect();
            prop_assert_eq!(files, named);
            Ok(())
        })?;
    }
}
