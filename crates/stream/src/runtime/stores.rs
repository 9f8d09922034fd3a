//! Where a job's checkpoints and savepoints are.

use std::sync::Arc;

use everspan_state::store::CheckpointStore;

use super::error::JobError;
use super::options::JobOptions;

/// The store of checkpoints, and that of savepoints if it is another one. Numbers are unique over both. A savepoint in a
/// store of its own shares no file with a checkpoint.
#[derive(Clone)]
pub(crate) struct Stores {
    checkpoints: Arc<CheckpointStore>,
    savepoints: Option<Arc<CheckpointStore>>,
}

impl Stores {
    /// As the options say; `None` without a place for checkpoints.
    pub(crate) fn open(options: &JobOptions) -> Result<Option<Self>, JobError> {
        let (dir, savepoint_dir) = (&options.checkpoint_dir, &options.savepoint_dir);
        let Some(dir) = dir else {
            return match savepoint_dir {
                None => Ok(None),
                Some(place) => Err(JobError::Option(format!(
                    "execution.checkpointing.savepoint-dir is {place:?}, but execution.checkpointing.dir is unset: \
                     a job that makes no checkpoints makes no savepoints"
                ))),
            };
        };
        let plain = |place: &str| place.trim_end_matches('/').to_owned();
        if savepoint_dir
            .as_ref()
            .is_some_and(|place| plain(place) == plain(dir))
        {
            return Err(JobError::Option(format!(
                "execution.checkpointing.savepoint-dir is {dir:?}, as execution.checkpointing.dir is: leave it out"
            )));
        }
        let open = |key: &str, place: &str| {
            let opened = CheckpointStore::open(place, options.store.clone());
            opened
                .map(Arc::new)
                .map_err(|error| JobError::Option(format!("execution.checkpointing.{key}: {error}")))
        };
        Ok(Some(Self {
            checkpoints: open("dir", dir)?,
            savepoints: savepoint_dir
                .as_ref()
                .map(|place| open("savepoint-dir", place))
                .transpose()?,
        }))
    }

    /// These.
    pub(crate) fn given(checkpoints: Arc<CheckpointStore>, savepoints: Option<Arc<CheckpointStore>>) -> Self {
        Self {
            checkpoints,
            savepoints,
        }
    }

    /// That of savepoints, or of checkpoints.
    pub(crate) fn of(&self, is_savepoint: bool) -> &Arc<CheckpointStore> {
        match &self.savepoints {
            Some(savepoints) if is_savepoint => savepoints,
            _ => &self.checkpoints,
        }
    }

    /// Every one.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<CheckpointStore>> {
        std::iter::once(&self.checkpoints).chain(&self.savepoints)
    }

    /// Where they are, for people.
    pub(crate) fn places(&self) -> String {
        let places: Vec<&str> = self.all().map(|store| store.place()).collect();
        places.join(" and ")
    }
}
