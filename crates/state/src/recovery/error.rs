//! What can be wrong with a checkpoint that is to be restored.

use std::fmt;
use std::path::PathBuf;

use crate::store::StoreError;

/// Why the files of a checkpoint are not here.
#[derive(Debug)]
#[non_exhaustive]
pub enum FetchError {
    /// The checkpoint has no such task.
    NoTask {
        /// The checkpoint.
        checkpoint: u64,
        /// The task.
        task: String,
    },
    /// Some key groups are in no part of the checkpoint.
    Incomplete {
        /// The checkpoint.
        checkpoint: u64,
        /// The task.
        task: String,
        /// The first key group that is missing.
        group: u16,
    },
    /// A file has a label that is no path below a directory.
    Label {
        /// The label.
        label: String,
    },
    /// A file is neither whole on this host nor in a store: there is none.
    NoStore {
        /// The file on this host.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The store failed, or a file there is missing or damaged.
    Store(StoreError),
    /// This host's disk refused.
    Local {
        /// The file.
        path: PathBuf,
        /// What the disk said.
        reason: String,
    },
}

impl FetchError {
    /// Whether the checkpoint is at fault, not the way to it or this host's disk: asking again will not help.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::NoTask { .. } | Self::Incomplete { .. } | Self::Label { .. } | Self::NoStore { .. } => true,
            Self::Store(error) => matches!(error, StoreError::Missing { .. } | StoreError::Damaged { .. }),
            Self::Local { .. } => false,
        }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTask { checkpoint, task } => write!(f, "checkpoint {checkpoint} has no task {task:?}"),
            Self::Incomplete {
                checkpoint,
                task,
                group,
            } => write!(
                f,
                "checkpoint {checkpoint} lacks key group {group} of task {task:?}"
            ),
            Self::Label { label } => write!(
                f,
                "a file is labelled {label:?}, which is no path below a directory"
            ),
            Self::NoStore { path, reason } => {
                write!(f, "no store to take {} from, and here: {reason}", path.display())
            }
            Self::Store(error) => write!(f, "{error}"),
            Self::Local { path, reason } => write!(f, "{}: {reason}", path.display()),
        }
    }
}

impl std::error::Error for FetchError {}

/// Something wrong with a checkpoint or with a place of checkpoints, for people: it was passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which checkpoint; `None`: the whole place.
    pub checkpoint: Option<u64>,
    /// Where.
    pub place: String,
    /// What.
    pub reason: String,
}

impl Problem {
    pub(super) fn new(checkpoint: Option<u64>, place: &str, reason: impl fmt::Display) -> Self {
        Self {
            checkpoint,
            place: place.to_owned(),
            reason: reason.to_string(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.checkpoint {
            Some(number) => write!(f, "checkpoint {number} in {}: {}", self.place, self.reason),
            None => write!(f, "checkpoints in {}: {}", self.place, self.reason),
        }
    }
}
