//! Brings a subtask's part of a checkpoint into the store, beside the subtask's work.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use everspan_checkpoint::SubtaskId;
use everspan_state::store::{CheckpointStore, Part};

use super::master::{WrittenOperator, WrittenPart};
use crate::graph::OperatorRecord;
use crate::task::snapshot::{KeyedSnapshot, OperatorState, Snapshot};

/// Writes parts of checkpoints. Cheap to clone; one write per subtask and checkpoint is under way at a time.
#[derive(Clone)]
pub(crate) struct PartWriter {
    store: Arc<CheckpointStore>,
    /// Where files are written before they are put into the store.
    dir: Arc<PathBuf>,
    runtime: tokio::runtime::Handle,
}

/// Bytes and times of one operator's state.
#[derive(Default)]
struct Figures {
    new_bytes: u64,
    full_bytes: u64,
    upload: Option<Duration>,
}

impl PartWriter {
    pub(crate) fn new(store: Arc<CheckpointStore>, dir: PathBuf, runtime: tokio::runtime::Handle) -> Self {
        Self {
            store,
            dir: Arc::new(dir),
            runtime,
        }
    }

    /// Writes a part on a thread for what blocks, and tells `done` how that went.
    pub(crate) fn spawn(
        &self,
        subtask: SubtaskId,
        snapshot: Snapshot,
        done: impl FnOnce(Result<WrittenPart, String>) + Send + 'static,
    ) {
        let writer = self.clone();
        self.runtime
            .spawn_blocking(move || done(writer.write(subtask, snapshot)));
    }

    fn write(&self, subtask: SubtaskId, snapshot: Snapshot) -> Result<WrittenPart, String> {
        let began = Instant::now();
        let mut stats = snapshot.stats;
        let mut operators = Vec::new();
        let dir = self.part_dir(snapshot.checkpoint, subtask);
        for (place, operator) in snapshot.parts.into_iter().enumerate() {
            let dir = dir.join(place.to_string());
            let uid = operator.uid.clone();
            let written = self.operator(snapshot.checkpoint, operator, &dir);
            let (written, figures) = written.map_err(|error| format!("operator `{uid}`: {error}"))?;
            let listed = written
                .record
                .list
                .iter()
                .map(|element| element.len() as u64)
                .sum::<u64>();
            stats.checkpointed_bytes += figures.new_bytes + listed;
            stats.full_bytes += figures.full_bytes + listed;
            if let Some(upload) = figures.upload {
                *stats.upload.get_or_insert_default() += upload;
            }
            operators.push(written);
        }
        stats.asynchronous = began.elapsed();
        Ok(WrittenPart { operators, stats })
    }

    fn operator(
        &self,
        checkpoint: u64,
        operator: OperatorState,
        dir: &Path,
    ) -> Result<(WrittenOperator, Figures), String> {
        let mut record = OperatorRecord {
            list: operator.list,
            states: Vec::new(),
        };
        let (mut part, mut figures) = (None, Figures::default());
        if let Some(keyed) = operator.keyed {
            record.states.clone_from(&keyed.states);
            let (written, of) = self
                .keyed(checkpoint, keyed, dir)
                .map_err(|error| format!("operator `{}`: {error}", operator.uid))?;
            (part, figures) = (Some(written), of);
        }
        let written = WrittenOperator {
            uid: operator.uid.to_string(),
            record,
            part,
        };
        Ok((written, figures))
    }

    fn keyed(&self, checkpoint: u64, keyed: KeyedSnapshot, dir: &Path) -> Result<(Part, Figures), String> {
        let parent = dir
            .parent()
            .expect("a part's directory lies in that of its subtask");
        std::fs::create_dir_all(parent).map_err(|error| format!("{}: {error}", parent.display()))?;
        let files = keyed.tables.write(dir).map_err(|error| error.to_string())?;
        let uploaded = self.runtime.block_on(self.store.upload(checkpoint, &files));
        let uploaded = uploaded.map_err(|error| error.to_string())?;
        let part = Part {
            range: keyed.range,
            position: files.position,
            format: files.format.to_owned(),
            handles: uploaded.handles,
        };
        let figures = Figures {
            new_bytes: uploaded.new_bytes,
            full_bytes: uploaded.full_bytes,
            upload: Some(uploaded.took),
        };
        Ok((part, figures))
    }

    fn part_dir(&self, checkpoint: u64, subtask: SubtaskId) -> PathBuf {
        let name = format!("{}-{}", subtask.task, subtask.index);
        self.dir.join(checkpoint.to_string()).join(name)
    }

    /// Files of checkpoints before this one are not linked from any more.
    pub(crate) fn forget_before(&self, checkpoint: u64) {
        for entry in std::fs::read_dir(&*self.dir).into_iter().flatten().flatten() {
            let number = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse::<u64>().ok());
            if number.is_some_and(|number| number < checkpoint) {
                // What cannot be removed now goes with the directory at the end.
                drop(std::fs::remove_dir_all(entry.path()));
            }
        }
    }
}
