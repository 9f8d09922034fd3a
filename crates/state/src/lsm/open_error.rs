//! Why a directory was not opened as a state.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::Owner;

/// Why a state could not be opened. Nothing was changed, but for leftovers of an interrupted flush.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no state, and one was expected: restore it from a checkpoint.
    Absent {
        /// The directory.
        dir: PathBuf,
    },
    /// The directory holds something else: choose another one.
    Foreign {
        /// What does not belong to a state.
        path: PathBuf,
    },
    /// The state was written by a later version: run that one.
    UnsupportedFormat {
        /// The marker file.
        path: PathBuf,
        /// The format it names.
        format: u32,
        /// The format this version reads and writes.
        supported: u32,
    },
    /// The marker file cannot be read: restore from a checkpoint.
    MarkerDamaged {
        /// The marker file.
        path: PathBuf,
    },
    /// The state is that of another partition: point to its own directory.
    WrongOwner {
        /// The directory.
        dir: PathBuf,
        /// Whose state was to be opened.
        expected: Owner,
        /// Whose state it is.
        found: Owner,
    },
    /// Another process, or another part of this one, has the state open.
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// A file is gone: restore from a checkpoint.
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A file does not have the bytes that were written: restore from a checkpoint.
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The part of a checkpoint was written by another backend.
    OtherFormat {
        /// What the part says.
        found: String,
        /// What this backend reads.
        expected: &'static str,
    },
    /// The disk refused an operation.
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the disk said.
        error: io::Error,
    },
}

impl OpenError {
    /// For `map_err` of an operation on `path`.
    pub(super) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |error| Self::Io { path, error }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent { dir } => write!(f, "no state in {}", dir.display()),
            Self::Foreign { path } => {
                write!(f, "{} does not belong to a state", path.display())
            }
            Self::UnsupportedFormat {
                path,
                format,
                supported,
            } => write!(
                f,
                "{} has format {format}, this version reads {supported}",
                path.display()
            ),
            Self::MarkerDamaged { path } => {
                write!(f, "{} is not a readable marker", path.display())
            }
            Self::WrongOwner { dir, expected, found } => write!(
                f,
                "{} holds the state of {found}, not of {expected}",
                dir.display()
            ),
            Self::Locked { path } => write!(f, "{} is locked: the state is open", path.display()),
            Self::Missing { path } => write!(f, "{} is missing", path.display()),
            Self::Damaged { path, reason } => {
                write!(f, "{} is damaged: {reason}", path.display())
            }
            Self::OtherFormat { found, expected } => {
                write!(
                    f,
                    "a part of a checkpoint has format {found:?}, this backend reads {expected:?}"
                )
            }
            Self::Io { path, error } => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            _ => None,
        }
    }
}
