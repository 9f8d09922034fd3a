//! What can go wrong with a state that is open.

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
    /// A flush failed half-way, so what is on disk is unknown. Never trim the log; stop and recover.
    Poisoned {
        /// What the first failing flush said.
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
            Self::Poisoned { reason } => {
                write!(f, "state is poisoned by a failed flush: {reason}")
            }
        }
    }
}

impl std::error::Error for StateError {}
