//! How a state is brought to disk as it was at one moment, whatever backend holds it.
//!
//! ```text
//! owner's thread      snapshot() ── goes on with its work
//!                         │ SnapshotWriter
//! another thread          └──► write(dir) ──► SnapshotFiles ──► CheckpointStore::upload, LocalCopies::publish
//! ```
//!
//! The clock that is read here measures how long that took; nothing is decided by it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::StateError;
use crate::disk::Durability;
use crate::store::{Content, FileName, Handle, Source};

/// A state of which snapshots can be taken.
pub trait Snapshots {
    /// What a snapshot is until it is written.
    type Snapshot: SnapshotWriter;

    /// The state after every commit so far. The owner goes on at once: nothing is written here.
    ///
    /// # Errors
    ///
    /// When the state is poisoned or the disk has too little room; the state is as it was.
    fn snapshot(&mut self) -> Result<Self::Snapshot, StateError>;
}

/// A state as it was at one moment, not written yet. Dropping it costs nothing and leaves nothing.
pub trait SnapshotWriter: Send + 'static {
    /// Writes it into `dir`, which must not exist; blocks until it is there, as [durable](crate::Durability) as its owner
    /// was told to be.
    ///
    /// # Errors
    ///
    /// [`StateError::Snapshot`] when that is impossible; `dir` does not exist then.
    fn write(self, dir: &Path) -> Result<SnapshotFiles, StateError>;
}

/// A snapshot on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotFiles {
    /// The position of the last record in it.
    pub position: u64,
    /// How the files are to be read; the backend that wrote them knows the word.
    pub format: &'static str,
    /// Its files, in the order in which a restore reads them.
    pub files: Vec<SnapshotFile>,
    /// What they outlive where they are.
    pub durability: Durability,
    /// How long the owner was kept.
    pub synchronous: Duration,
    /// How long it took beside the owner's work.
    pub asynchronous: Duration,
}

/// One file of a snapshot. Nobody changes it any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotFile {
    /// Its path below the snapshot's directory, with `/` between its parts.
    pub label: String,
    /// What is in it.
    pub name: FileName,
    /// Where it is.
    pub path: PathBuf,
}

impl SnapshotFiles {
    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.name.length).sum()
    }

    /// Where the bytes of one of them are.
    pub(crate) fn source(&self, file: &SnapshotFile) -> Source {
        match self.durability {
            Durability::Lasting => Source::File(file.path.clone()),
            Durability::Scratch => Source::Scratch(file.path.clone()),
        }
    }

    /// For the manifest of a checkpoint that is only on this host's disk.
    #[must_use]
    pub fn handles(&self) -> Vec<Handle> {
        let handle = |file: &SnapshotFile| Handle {
            label: file.label.clone(),
            name: file.name,
            content: Content::Stored,
        };
        self.files.iter().map(handle).collect()
    }
}
