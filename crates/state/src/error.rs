//! What can go wrong with a state that is open.

use std::path::PathBuf;

/// Why a state operation failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StateError {
    /// The disk has too little room for a flush. Nothing was touched: free some space and flush again.
    DiskFull {
        /// Bytes the flush wants to see free.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// An entry could not be read: the disk fails or a file is damaged. Restore from a checkpoint.
    Read {
        /// What the storage said.
        reason: String,
    },
    /// The free space of the disk could not be learned. Nothing was touched: flush again.
    FreeSpaceUnknown {
        /// The directory of the state.
        path: PathBuf,
        /// What the disk said.
        reason: String,
    },
    /// A table file does not have the bytes that were written. Restore from a checkpoint.
    TableDamaged {
        /// The file.
        path: PathBuf,
        /// XXH3-128 of what was written.
        expected: u128,
        /// XXH3-128 of what is there.
        found: u128,
    },
    /// A snapshot could not be taken. The state is as it was.
    Snapshot {
        /// Where the snapshot was to be.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// A key has more bytes than a tree takes. The state is as it was on disk.
    KeyTooLong {
        /// The table.
        table: String,
        /// Bytes of the key.
        bytes: usize,
        /// Bytes of the longest that is taken.
        bytes_max: usize,
    },
    /// A row is not of the type that it is read as.
    OtherType {
        /// The table.
        table: String,
        /// What does not fit.
        reason: String,
    },
    /// A flush or a compaction failed half-way, so what is on disk is unknown. Never trim the log; stop and recover.
    Poisoned {
        /// What the first failure said.
        reason: String,
    },
}

impl std::fmt::Display for StateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::DiskFull { needed, free } => {
                write!(f, "disk full: a flush needs {needed} bytes free, {free} are")
            }
            Self::Read { reason } => write!(f, "state could not be read: {reason}"),
            Self::FreeSpaceUnknown { path, reason } => {
                write!(f, "free space of {} is unknown: {reason}", path.display())
            }
            Self::TableDamaged {
                path,
                expected,
                found,
            } => write!(
                f,
                "{} is damaged: its checksum is {found:032x}, not {expected:032x}",
                path.display()
            ),
            Self::Snapshot { path, reason } => write!(f, "no snapshot in {}: {reason}", path.display()),
            Self::KeyTooLong {
                table,
                bytes,
                bytes_max,
            } => write!(
                f,
                "a key of table {table:?} has {bytes} bytes, at most {bytes_max} are taken"
            ),
            Self::OtherType { table, reason } => {
                write!(
                    f,
                    "table {table:?} holds another type than it is read as: {reason}"
                )
            }
            Self::Poisoned { reason } => {
                write!(f, "state must not be written any more: {reason}")
            }
        }
    }
}

impl std::error::Error for StateError {}
