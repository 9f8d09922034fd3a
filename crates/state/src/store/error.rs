//! What can go wrong with a store that is open.

use super::FileName;

/// Why the store did not do what was asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such object.
    Missing {
        /// Its path below the store.
        path: String,
    },
    /// An object with this name exists already, with other content.
    Exists {
        /// Its path below the store.
        path: String,
    },
    /// What was read is not what was written: the store, or the way to it, changed bytes.
    Damaged {
        /// The name says what was written.
        expected: FileName,
        /// The name of what was read.
        found: FileName,
    },
    /// The store failed each time it was asked; the last answer.
    Failed {
        /// The path below the store.
        path: String,
        /// How often it was asked.
        tries: u32,
        /// What it said.
        reason: String,
    },
    /// A local file could not be read or written.
    Local {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        reason: String,
    },
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing { path } => write!(f, "{path} is missing in the checkpoint store"),
            Self::Exists { path } => write!(f, "{path} exists already in the checkpoint store"),
            Self::Damaged { expected, found } => {
                write!(
                    f,
                    "a checkpoint file is damaged: {expected} was written, {found} was read"
                )
            }
            Self::Failed { path, tries, reason } => {
                write!(f, "{path}: the checkpoint store failed {tries} times: {reason}")
            }
            Self::Local { path, reason } => write!(f, "{}: {reason}", path.display()),
        }
    }
}

impl std::error::Error for StoreError {}
