//! What can go wrong; each variant is the reader's next step.

use std::fmt;
use std::io;

/// Why a log cannot be opened. Nothing was changed on disk that opening again would not change too.
#[derive(Debug)]
pub enum OpenError {
    /// Mend the disk, the permissions or the free space, then start again.
    Io {
        /// File the call was about, or `.` for the directory.
        name: String,
        /// What the operating system said.
        error: io::Error,
    },
    /// Move this file out of the log directory: it is no segment of a log.
    ForeignFile {
        /// The file.
        name: String,
    },
    /// Start the Everspan version that wrote this segment.
    UnknownVersion {
        /// The segment file.
        name: String,
        /// Format version its header tells.
        version: u32,
    },
    /// Put this segment back from a backup: segments around it exist.
    MissingSegment {
        /// Number of the missing segment.
        number: u64,
    },
    /// Restore from a backup or a checkpoint: bytes that had been synced have changed.
    Damaged {
        /// The segment file.
        name: String,
        /// First offset that is not what was written.
        offset: u64,
        /// What was found there.
        reason: &'static str,
    },
    /// Restore from a backup or a checkpoint: records of a partition are missing or repeated.
    OutOfSequence {
        /// The segment file.
        name: String,
        /// The partition.
        partition: u16,
        /// The seq that had to follow.
        expected: u64,
        /// The seq that stands there.
        found: u64,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Io { name, error } => write!(f, "cannot open the log at {name}: {error}"),
            OpenError::ForeignFile { name } => write!(f, "{name} is not a segment of this log"),
            OpenError::UnknownVersion { name, version } => {
                write!(f, "segment {name} has format version {version}, ")?;
                write!(f, "this program reads {}", crate::FORMAT_VERSION)
            }
            OpenError::MissingSegment { number } => {
                let name = crate::format::segment_name(*number);
                write!(f, "segment {name} is missing between others")
            }
            OpenError::Damaged { name, offset, reason } => {
                write!(f, "segment {name} is damaged at offset {offset}: {reason}")
            }
            OpenError::OutOfSequence {
                name,
                partition,
                expected,
                found,
            } => {
                write!(f, "segment {name} holds seq {found} of partition {partition} ")?;
                write!(f, "where {expected} had to follow")
            }
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            OpenError::Io { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// The failure after which a log never writes again. Every later call returns the same one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The disk call that failed.
    pub call: &'static str,
    /// File it was about, or `.` for the directory.
    pub name: String,
    /// What the operating system said.
    pub kind: io::ErrorKind,
    /// The same, in words.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure {
            call, name, message, ..
        } = self;
        write!(
            f,
            "{call} of {name} failed, the log takes no more writes: {message}"
        )
    }
}

impl std::error::Error for Failure {}

/// Why a batch was not written. Nothing of it counts as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppendError {
    /// Make space (trim), then append the same again: the log is unharmed.
    Full {
        /// Segment file that could not take the bytes.
        name: String,
        /// Bytes that found no room.
        needed_bytes: u64,
    },
    /// The caller skipped or repeated a record: a bug there. The log is unharmed.
    OutOfSequence {
        /// The partition.
        partition: u16,
        /// The seq that had to follow.
        expected: u64,
        /// The seq of the batch.
        found: u64,
    },
    /// Stop the process: the disk cannot be trusted any more.
    Failed(Failure),
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AppendError::Full { name, needed_bytes } => {
                write!(f, "no space for {needed_bytes} bytes in {name}")
            }
            AppendError::OutOfSequence {
                partition,
                expected,
                found,
            } => {
                write!(f, "partition {partition} appended seq {found} ")?;
                write!(f, "where {expected} had to follow")
            }
            AppendError::Failed(failure) => failure.fmt(f),
        }
    }
}

impl std::error::Error for AppendError {}

impl From<Failure> for AppendError {
    fn from(failure: Failure) -> AppendError {
        AppendError::Failed(failure)
    }
}

/// A sync failed, now or earlier: the log takes no more writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncError(
    /// What failed first.
    pub Failure,
);

impl fmt::Display for SyncError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for SyncError {}

/// Why segments were not removed.
#[derive(Debug)]
pub enum TrimError {
    /// Look why the file cannot be removed; the log goes on and tries again at the next trim.
    Io {
        /// The segment file.
        name: String,
        /// What the operating system said.
        error: io::Error,
    },
    /// Stop the process: the disk cannot be trusted any more.
    Failed(Failure),
}

impl fmt::Display for TrimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrimError::Io { name, error } => write!(f, "cannot remove segment {name}: {error}"),
            TrimError::Failed(failure) => failure.fmt(f),
        }
    }
}

impl std::error::Error for TrimError {}

/// Why a replay stopped early.
#[derive(Debug)]
pub enum ReplayError<E> {
    /// A segment cannot be read.
    Io {
        /// The segment file.
        name: String,
        /// What the operating system said.
        error: io::Error,
    },
    /// A segment was whole when the log was opened and no longer is.
    Damaged {
        /// The segment file.
        name: String,
        /// Offset of the first bad group.
        offset: u64,
    },
    /// The visitor returned this.
    Visit(E),
}

impl<E: fmt::Display> fmt::Display for ReplayError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReplayError::Io { name, error } => write!(f, "cannot read segment {name}: {error}"),
            ReplayError::Damaged { name, offset } => {
                write!(f, "segment {name} changed at offset {offset} after it was opened")
            }
            ReplayError::Visit(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for ReplayError<E> {}
