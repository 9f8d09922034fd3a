//! Why a table cannot be read back.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why the files of a checkpoint are not tables.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeapError {
    /// A file cannot be read.
    Io {
        /// The file.
        path: PathBuf,
        /// What the disk said.
        reason: String,
    },
    /// A file is not one of a table, although it is what was written: another version wrote it.
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A key or a value is not of the type it is read as.
    OtherType {
        /// The table.
        table: String,
        /// What does not fit.
        reason: String,
    },
    /// The part of a checkpoint was written by another backend.
    OtherFormat {
        /// What the part says.
        found: String,
        /// What this backend reads.
        expected: &'static str,
    },
}

impl HeapError {
    pub(super) fn io(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        |error| Self::Io {
            path: path.to_path_buf(),
            reason: error.to_string(),
        }
    }

    pub(super) fn damaged(path: &Path, reason: &str) -> Self {
        Self::Damaged {
            path: path.to_path_buf(),
            reason: reason.to_owned(),
        }
    }
}

impl fmt::Display for HeapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, reason } => write!(f, "{}: {reason}", path.display()),
            Self::Damaged { path, reason } => {
                write!(f, "{} is no file of a table: {reason}", path.display())
            }
            Self::OtherType { table, reason } => {
                write!(
                    f,
                    "table {table:?} holds another type than it is read as: {reason}"
                )
            }
            Self::OtherFormat { found, expected } => {
                write!(
                    f,
                    "a part of a checkpoint has format {found:?}, this backend reads {expected:?}"
                )
            }
        }
    }
}

impl std::error::Error for HeapError {}
