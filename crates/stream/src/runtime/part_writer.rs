//! Brings a subtask's part of a checkpoint into the store, beside the subtask's work.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use everspan_checkpoint::SubtaskId;
use everspan_state::LocalCopies;
use everspan_state::store::Part;

use super::crew::Crew;
use super::master::{WrittenOperator, WrittenPart};
use super::stores::Stores;
use crate::graph::OperatorRecord;
use crate::task::snapshot::{KeyedSnapshot, OperatorState, Snapshot};

/// Writes parts of checkpoints. Cheap to clone; one write per subtask and checkpoint is under way at a time.
#[derive(Clone)]
pub(crate) struct PartWriter {
    stores: Stores,
    /// Where files are written before they are put into a store; copies stay there.
    dir: Arc<PathBuf>,
    copies: Option<LocalCopies>,
    /// Whether files that the store has are left where they are.
    incremental: bool,
}

/// A subtask's part of a checkpoint or savepoint.
#[derive(Clone, Copy)]
struct Of {
    checkpoint: u64,
    is_savepoint: bool,
    subtask: SubtaskId,
}

/// Bytes and times of one operator's state.
#[derive(Default)]
struct Figures {
    new_bytes: u64,
    full_bytes: u64,
    upload: Option<Duration>,
}

impl PartWriter {
    pub(crate) fn new(stores: Stores, dir: PathBuf) -> Self {
        Self {
            stores,
            dir: Arc::new(dir),
            copies: None,
            incremental: true,
        }
    }

    /// What is written stays as a copy on this host.
    pub(crate) fn with_copies(self, copies: Option<LocalCopies>) -> Self {
        Self { copies, ..self }
    }

    /// Whether files that the store has are left where they are; else everything is put again.
    pub(crate) fn incremental(self, incremental: bool) -> Self {
        Self { incremental, ..self }
    }

    /// Has a part written beside the subtask's work, and tells `done` how that went.
    pub(crate) fn spawn(
        &self,
        crew: &Crew,
        subtask: SubtaskId,
        is_savepoint: bool,
        snapshot: Snapshot,
        done: impl FnOnce(Result<WrittenPart, String>) + Send + 'static,
    ) {
        let writer = self.clone();
        let of = Of {
            checkpoint: snapshot.checkpoint,
            is_savepoint,
            subtask,
        };
        crew.spawn_blocking(async move { done(writer.write(of, snapshot).await) });
    }

    async fn write(&self, of: Of, snapshot: Snapshot) -> Result<WrittenPart, String> {
        let began = Instant::now();
        let mut stats = snapshot.stats;
        let mut operators = Vec::new();
        for (place, operator) in snapshot.parts.into_iter().enumerate() {
            let uid = operator.uid.clone();
            let dir = self.part_dir(of, &uid, place);
            let written = self.operator(of, operator, &dir).await;
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

    async fn operator(
        &self,
        of: Of,
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
            let (written, of_tables) = self.keyed(of, keyed, dir).await?;
            (part, figures) = (Some(written), of_tables);
        }
        let written = WrittenOperator {
            uid: operator.uid.to_string(),
            record,
            part,
        };
        Ok((written, figures))
    }

    async fn keyed(&self, of: Of, keyed: KeyedSnapshot, dir: &Path) -> Result<(Part, Figures), String> {
        let parent = dir
            .parent()
            .expect("a part's directory lies in that of its subtask");
        std::fs::create_dir_all(parent).map_err(|error| format!("{}: {error}", parent.display()))?;
        let files = keyed.tables.write(dir).map_err(|error| error.to_string())?;
        let store = self.stores.of(of.is_savepoint);
        let uploaded = if self.incremental {
            store.upload(of.checkpoint, &files).await
        } else {
            store.upload_whole(of.checkpoint, &files).await
        };
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

    fn part_dir(&self, of: Of, uid: &str, place: usize) -> PathBuf {
        let Of {
            checkpoint, subtask, ..
        } = of;
        match &self.copies {
            Some(copies) => copies.part_dir(checkpoint, uid, subtask.index as usize),
            None => {
                let name = format!("{}-{}", subtask.task, subtask.index);
                self.dir
                    .join(checkpoint.to_string())
                    .join(name)
                    .join(place.to_string())
            }
        }
    }

    /// A checkpoint begins.
    pub(crate) fn begin(&self, checkpoint: u64) {
        if let Some(copies) = &self.copies {
            // Without its directory its parts cannot be written, which is told then.
            drop(copies.begin(checkpoint));
        }
    }

    /// The run is over: nothing is linked from any more.
    pub(crate) fn remove(&self) {
        // What a late writer still leaves goes with the job's directory.
        drop(std::fs::remove_dir_all(&*self.dir));
    }

    /// Files of checkpoints before this one are not linked from any more.
    pub(crate) fn forget_before(&self, checkpoint: u64) {
        if let Some(copies) = &self.copies {
            // What cannot be removed now goes with the job's directory.
            drop(copies.retain(|number| number >= checkpoint));
        }
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
