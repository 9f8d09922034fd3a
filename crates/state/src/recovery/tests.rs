use std::fs;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use object_store::memory::InMemory;
use object_store::path::Path as StorePath;

use super::*;
use crate::snapshot::{SnapshotFile, SnapshotFiles};
use crate::store::{FileName, Part, StoreOptions, TaskState};

/// A job with two subtasks, a store and copies.
struct Bed {
    dir: tempfile::TempDir,
    copies: LocalCopies,
    store: CheckpointStore,
}

const GROUPS: u16 = 8;

impl Bed {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = StoreOptions {
            inline_below: 10,
            ..StoreOptions::default()
        };
        let (objects, place) = (Arc::new(InMemory::new()), "memory".to_owned());
        Self {
            copies: LocalCopies::open(&dir.path().join("copies")).unwrap(),
            store: CheckpointStore::over(objects, StorePath::from("job"), place, options),
            dir,
        }
    }

    fn both(&self) -> Recovery<'_> {
        Recovery {
            copies: Some(&self.copies),
            store: Some(&self.store),
            progress: None,
            durability: Durability::Lasting,
        }
    }

    /// Each subtask writes one large and one small file.
    fn snapshot(&self, checkpoint: u64, subtask: usize) -> SnapshotFiles {
        let dir = self.copies.part_dir(checkpoint, "task", subtask);
        fs::create_dir_all(dir.join("deep")).unwrap();
        let file = |label: &str, text: String| {
            let path = dir.join(label);
            fs::write(&path, &text).unwrap();
            let name = FileName::of(text.as_bytes());
            let label = label.to_owned();
            SnapshotFile { label, name, path }
        };
        SnapshotFiles {
            position: checkpoint,
            format: "test",
            files: vec![
                file("deep/large", format!("rows of {subtask} at {checkpoint}")),
                file("small", format!("s{checkpoint}")),
            ],
            durability: crate::Durability::Lasting,
            synchronous: std::time::Duration::ZERO,
            asynchronous: std::time::Duration::ZERO,
        }
    }

    async fn checkpoint(&self, checkpoint: u64) {
        self.copies.begin(checkpoint).unwrap();
        let mut parts = Vec::new();
        for subtask in 0..2u16 {
            let files = self.snapshot(checkpoint, usize::from(subtask));
            let uploaded = self.store.upload(checkpoint, &files).await.unwrap();
            assert_eq!(uploaded.full_bytes, files.bytes());
            parts.push(Part {
                range: KeyGroupRange::of_owner(subtask, 2, GROUPS),
                position: checkpoint,
                format: files.format.to_owned(),
                handles: uploaded.handles,
            });
        }
        let manifest = Manifest {
            checkpoint,
            job: "job".to_owned(),
            run: "run".to_owned(),
            is_savepoint: false,
            created_ms: checkpoint,
            tasks: vec![TaskState {
                task: "task".to_owned(),
                key_groups: GROUPS,
                parts,
            }],
            attachments: Vec::new(),
        };
        self.store.publish(&manifest).await.unwrap();
        self.copies.publish(&manifest).unwrap();
    }

    fn owner(&self, index: u16, owners: u16) -> Owned {
        Owned {
            task: "task".to_owned(),
            range: KeyGroupRange::of_owner(index, owners, GROUPS),
            to: self.dir.path().join(format!("fetched-{index}-of-{owners}")),
        }
    }

    /// What lies at a label of a subtask's copy is replaced.
    fn damage(&self, checkpoint: u64, subtask: usize, label: &str) {
        let path = self.copies.part_dir(checkpoint, "task", subtask).join(label);
        assert!(path.exists());
        fs::write(path, "something else").unwrap();
    }

    async fn damage_in_store(&self, checkpoint: u64, subtask: usize) {
        let name = FileName::of(format!("rows of {subtask} at {checkpoint}").as_bytes());
        self.store
            .overwrite(name, Bytes::from_static(b"not those rows"))
            .await;
    }
}

fn run(test: impl AsyncFnOnce(Bed)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(test(Bed::new()));
}

fn text_of(fetched: &Fetched) -> String {
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    let files = fetched.parts.iter().flat_map(FetchedPart::files);
    files.map(|file| read(&file.path)).collect::<Vec<_>>().join(", ")
}

#[test]
fn files_come_from_the_copy_and_small_ones_count_as_memory() {
    run(async |bed| {
        bed.checkpoint(1).await;
        let (found, problems) = bed.both().newest(&[bed.owner(1, 2)]).await.unwrap();
        assert_eq!(problems, []);
        let found = found.unwrap();
        let fetched = &found.owners[0];
        assert_eq!(text_of(fetched), "rows of 1 at 1, s1");
        let expected = RestoredBytes {
            local_memory: 2,
            local_disk: 14,
            remote: 0,
        };
        assert_eq!(fetched.bytes, expected);
        assert_eq!(fetched.download, None, "nothing was downloaded");
    });
}

#[test]
fn an_owner_of_all_gets_every_part_and_one_of_few_groups_the_part_that_has_them() {
    run(async |bed| {
        bed.checkpoint(1).await;
        let manifest = bed.both().checkpoints().await.unwrap().0.remove(0);
        for (owner, expected) in [
            (bed.owner(0, 1), "rows of 0 at 1, s1, rows of 1 at 1, s1"),
            (bed.owner(3, 4), "rows of 1 at 1, s1"),
            (bed.owner(1, 3), "rows of 0 at 1, s1, rows of 1 at 1, s1"),
        ] {
            let fetched = bed.both().fetch(&manifest, &owner).await.unwrap();
            assert_eq!(text_of(&fetched), expected, "{:?}", owner.range);
        }
    });
}

#[test]
fn without_a_copy_or_with_a_damaged_one_files_come_from_the_store() {
    run(async |bed| {
        bed.checkpoint(1).await;
        let progress = Progress::default();
        let remote = Recovery {
            store: Some(&bed.store),
            progress: Some(&progress),
            durability: Durability::Lasting,
            copies: None,
        };
        let found = remote.newest(&[bed.owner(0, 2)]).await.unwrap().0.unwrap();
        let fetched = &found.owners[0];
        assert_eq!(text_of(fetched), "rows of 0 at 1, s1");
        assert_eq!((fetched.bytes.remote, fetched.bytes.local_memory), (14, 2));
        assert!(fetched.download.is_some() && fetched.problems.is_empty());
        assert_eq!((progress.wanted_bytes(), progress.done_bytes()), (16, 16));

        bed.damage(1, 0, "deep/large");
        bed.damage(1, 0, "small");
        let found = bed.both().newest(&[bed.owner(0, 2)]).await.unwrap().0.unwrap();
        let fetched = &found.owners[0];
        assert_eq!(text_of(fetched), "rows of 0 at 1, s1");
        assert_eq!(fetched.bytes.remote, 14);
        assert_eq!(fetched.problems.len(), 1);
        let problem = fetched.problems[0].to_string();
        assert!(
            problem.contains("deep/large is damaged") && problem.starts_with("checkpoint 1 in "),
            "{problem}"
        );
    });
}

#[test]
fn a_checkpoint_that_is_nowhere_whole_is_said_and_the_next_older_is_taken() {
    run(async |bed| {
        for number in 1..=3 {
            bed.checkpoint(number).await;
        }
        bed.damage(3, 0, "deep/large");
        bed.damage_in_store(3, 0).await;
        fs::write(bed.copies.dir().join(format!("{:020}/manifest", 2)), "junk").unwrap();
        let owners = [bed.owner(0, 2), bed.owner(1, 2)];
        let (found, problems) = bed.both().newest(&owners).await.unwrap();
        let found = found.unwrap();
        assert_eq!(found.manifest.checkpoint, 2);
        assert_eq!(text_of(&found.owners[1]), "rows of 1 at 2, s2");
        let numbers: Vec<_> = problems.iter().map(|problem| problem.checkpoint).collect();
        assert_eq!(numbers, [Some(2), Some(3)], "{problems:?}");
        assert!(
            problems[1].reason.contains("a checkpoint file is damaged"),
            "{}",
            problems[1]
        );
    });
}

#[test]
fn without_a_store_a_copy_is_enough_and_a_damaged_one_is_passed_over() {
    run(async |bed| {
        bed.checkpoint(1).await;
        bed.checkpoint(2).await;
        let local = Recovery {
            copies: Some(&bed.copies),
            ..Recovery::default()
        };
        let found = local.newest(&[bed.owner(0, 2)]).await.unwrap().0.unwrap();
        assert_eq!(found.manifest.checkpoint, 2);
        assert_eq!(text_of(&found.owners[0]), "rows of 0 at 2, s2");
        bed.damage(2, 0, "deep/large");
        let (found, problems) = local.newest(&[bed.owner(0, 2)]).await.unwrap();
        assert_eq!(found.unwrap().manifest.checkpoint, 1);
        assert!(problems[0].reason.contains("no store"), "{}", problems[0]);
        bed.damage(1, 0, "deep/large");
        let (found, problems) = local.newest(&[bed.owner(0, 2)]).await.unwrap();
        assert!(found.is_none());
        assert_eq!(problems.len(), 2);
        assert!(!bed.owner(0, 2).to.exists());
    });
}

/// A savepoint in a store of its own needs nothing of the job's.
#[test]
fn a_savepoint_elsewhere_is_whole_when_everything_else_is_gone() {
    run(async |bed| {
        bed.checkpoint(1).await;
        let place = bed.dir.path().join("savepoint");
        let elsewhere = CheckpointStore::open(place.to_str().unwrap(), StoreOptions::default()).unwrap();
        let mut savepoint = bed.store.manifest(1).await.unwrap().unwrap().unwrap();
        savepoint.is_savepoint = true;
        for (subtask, part) in savepoint.tasks[0].parts.iter_mut().enumerate() {
            let files = bed.snapshot(1, subtask);
            let uploaded = elsewhere.upload(1, &files).await.unwrap();
            assert_eq!(uploaded.new_bytes, uploaded.full_bytes, "all files again");
            part.handles = uploaded.handles;
        }
        elsewhere.publish(&savepoint).await.unwrap();
        bed.store.forget(1).await.unwrap();
        bed.copies.forget(1).unwrap();
        let recovery = Recovery {
            store: Some(&elsewhere),
            ..Recovery::default()
        };
        let found = recovery.newest(&[bed.owner(0, 1)]).await.unwrap().0.unwrap();
        assert!(found.manifest.is_savepoint);
        assert_eq!(
            text_of(&found.owners[0]),
            "rows of 0 at 1, s1, rows of 1 at 1, s1"
        );
    });
}

#[test]
fn manifests_that_ask_for_what_is_not_there_or_outside_are_refused() {
    run(async |bed| {
        bed.checkpoint(1).await;
        let whole = bed.both().checkpoints().await.unwrap().0.remove(0);
        let refused = async |manifest: &Manifest, owner: &Owned| {
            let error = bed.both().fetch(manifest, owner).await.unwrap_err();
            assert!(error.is_damage(), "{error}");
            error.to_string()
        };
        let mut other = bed.owner(0, 2);
        other.task = "other".to_owned();
        assert!(refused(&whole, &other).await.contains("no task \"other\""));
        let mut half = whole.clone();
        half.tasks[0].parts.remove(1);
        let error = refused(&half, &bed.owner(0, 1)).await;
        assert!(error.contains("lacks key group 4 of task \"task\""), "{error}");
        for label in ["", "../x", "/etc/x", "a/../../x"] {
            let mut outside = whole.clone();
            outside.tasks[0].parts[0].handles[0].label = label.to_owned();
            let error = refused(&outside, &bed.owner(0, 2)).await;
            assert!(error.contains("no path below"), "{label}: {error}");
        }
    });
}
