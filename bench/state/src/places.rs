//! Where checkpoints go and come from: a store in a directory, and copies on this host.

use std::path::Path;
use std::time::{Duration, Instant};

use everspan_state::store::{CheckpointStore, Manifest, Part, StoreOptions, TaskState};
use everspan_state::{Durability, FetchedPart, LocalCopies, Owned, Recovery, RestoredBytes, SnapshotWriter};

use crate::Result;
use crate::keyed::all;

const TASK: &str = "bench";
const RETAINED: u64 = 3;

pub(crate) struct Places {
    store: CheckpointStore,
    copies: LocalCopies,
    runtime: tokio::runtime::Runtime,
    last: u64,
}

/// What one checkpoint cost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// From the snapshot until its manifest is in the store.
    pub(crate) end_to_end: Duration,
    /// The owner was kept.
    pub(crate) pause: Duration,
    pub(crate) moved_bytes: u64,
    pub(crate) full_bytes: u64,
}

impl Places {
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let place = dir.join("store");
        let place = place.to_str().ok_or("the directory's name is not text")?;
        let store = CheckpointStore::open(place, StoreOptions::default())?;
        runtime.block_on(store.list())?;
        Ok(Self {
            store,
            copies: LocalCopies::open(&dir.join("copies"))?,
            runtime,
            last: 0,
        })
    }

    /// Brings a snapshot, taken at `began`, everywhere.
    pub(crate) fn checkpoint(&mut self, snapshot: impl SnapshotWriter, began: Instant) -> Result<Cost> {
        self.last += 1;
        let number = self.last;
        self.copies.begin(number)?;
        let files = snapshot.write(&self.copies.part_dir(number, TASK, 0))?;
        let uploaded = self.runtime.block_on(self.store.upload(number, &files))?;
        let part = Part {
            range: all(),
            position: files.position,
            format: files.format.to_owned(),
            handles: uploaded.handles,
        };
        let manifest = manifest(number, part);
        self.runtime.block_on(self.store.publish(&manifest))?;
        self.copies.publish(&manifest)?;
        let end_to_end = began.elapsed();
        if let Some(old) = number.checked_sub(RETAINED).filter(|&old| old > 0) {
            self.runtime.block_on(self.store.forget(old))?;
            self.copies.forget(old)?;
        }
        Ok(Cost {
            end_to_end,
            pause: files.synchronous,
            moved_bytes: uploaded.new_bytes,
            full_bytes: uploaded.full_bytes,
        })
    }

    /// The files of the newest checkpoint, brought to `to`.
    pub(crate) fn fetch(&self, from_copy: bool, to: &Path) -> Result<(FetchedPart, RestoredBytes)> {
        let recovery = Recovery {
            copies: from_copy.then_some(&self.copies),
            store: Some(&self.store),
            progress: None,
            durability: Durability::Lasting,
        };
        let owner = Owned {
            task: TASK.to_owned(),
            range: all(),
            to: to.to_path_buf(),
        };
        let (found, problems) = self.runtime.block_on(recovery.newest(&[owner]))?;
        if let Some(problem) = problems.first() {
            return Err(problem.to_string().into());
        }
        let mut owners = found.ok_or("there is no checkpoint")?.owners;
        let mut fetched = owners.remove(0);
        Ok((fetched.parts.remove(0), fetched.bytes))
    }
}

fn manifest(checkpoint: u64, part: Part) -> Manifest {
    Manifest {
        checkpoint,
        job: "bench".to_owned(),
        run: "1".to_owned(),
        is_savepoint: false,
        created_ms: 0,
        tasks: vec![TaskState {
            task: TASK.to_owned(),
            key_groups: 128,
            parts: vec![part],
        }],
        attachments: Vec::new(),
    }
}
