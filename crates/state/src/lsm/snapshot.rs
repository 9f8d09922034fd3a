//! What a state has on disk, under names of its own: the state as it was at one position.
//!
//! ```text
//! <to>/tree/current, v<N>, tables/<id>      hard links to the tree's own files, except for the two small ones
//! ```
//!
//! The tree never changes a file, and removes one only under its own name: a linked file stays as it is. The name of
//! a table's content is known to the version that lists it, so nothing is read and nothing is copied.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::pin::{Filler, Pin, Pinned};
use super::{LsmBackend, OpenError, layout};
use crate::disk::{self, Durability};
use crate::snapshot::{SnapshotFile, SnapshotFiles, SnapshotWriter, Snapshots};
use crate::store::FileName;
use crate::{Backend, StateError};

/// A state as it was at one position. While it is not written, the files it needs stay on disk.
pub struct LsmSnapshot {
    pub(super) position: u64,
    /// Filled with what is on disk at that position.
    pub(super) pin: Arc<Pin>,
    pub(super) durability: Durability,
    pub(super) synchronous: Duration,
}

impl LsmSnapshot {
    /// What the files are, for a manifest.
    pub const FORMAT: &str = "lsm-tree 3";

    /// The position of the last record in it.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }
}

impl Snapshots for LsmBackend {
    type Snapshot = LsmSnapshot;

    /// Waits for the older of two flushes under way: ask [`poll_flush`](Backend::poll_flush) before, if that must not
    /// be.
    fn snapshot(&mut self) -> Result<LsmSnapshot, StateError> {
        self.snapshot_behind(|| {})
    }
}

impl LsmBackend {
    /// As [`snapshot`](Snapshots::snapshot), but nothing becomes durable before `first` has returned, as with
    /// [`begin_flush_behind`](LsmBackend::begin_flush_behind).
    ///
    /// # Errors
    ///
    /// Those of [`flush`](Backend::flush).
    pub fn snapshot_behind(
        &mut self,
        first: impl FnOnce() + Send + 'static,
    ) -> Result<LsmSnapshot, StateError> {
        let began = Instant::now();
        let pin = Pin::new(&self.dir);
        let frozen = self.freeze()?;
        let (tree, filler) = (self.tree.clone(), Filler(Arc::clone(&pin)));
        let then = move |flushed: &Result<(), StateError>| match flushed {
            Ok(()) => filler.0.fill(&tree),
            Err(error) => filler.0.fail(error.to_string()),
        };
        self.slot.keep_pin(&pin);
        // Also when everything is on disk, or on its way: what is there now must be noted before the next flush.
        self.begin(frozen, first, then);
        Ok(LsmSnapshot {
            position: self.applied(),
            pin,
            durability: self.durability,
            synchronous: began.elapsed(),
        })
    }
}

impl SnapshotWriter for LsmSnapshot {
    /// Takes about as long as creating as many files as there are tables, once the flush has ended.
    fn write(self, dir: &Path) -> Result<SnapshotFiles, StateError> {
        let began = Instant::now();
        let failed = |reason| StateError::Snapshot {
            path: dir.to_path_buf(),
            reason,
        };
        if dir.exists() {
            return Err(failed("the directory exists already".to_owned()));
        }
        let linked = self
            .pin
            .with(|pinned| link(pinned, self.pin.dir(), dir, self.durability));
        let files = linked
            .and_then(|files| files.map_err(|error| error.to_string()))
            .map_err(|reason| {
                // What is left of it means nothing.
                drop(disk::remove_dir(dir));
                failed(reason)
            })?;
        Ok(SnapshotFiles {
            position: self.position,
            format: Self::FORMAT,
            files,
            durability: self.durability,
            synchronous: self.synchronous,
            asynchronous: began.elapsed(),
        })
    }
}

/// Links the tables of a version of the state in `from` into `to`, and writes the files that make it one.
fn link(
    pinned: &Pinned,
    from: &Path,
    to: &Path,
    durability: Durability,
) -> Result<Vec<SnapshotFile>, OpenError> {
    layout::create_dir(&layout::tables_dir(to), durability)?;
    let mut files = Vec::new();
    for table in &pinned.tables {
        let label = format!("tree/tables/{}", table.id());
        let from = layout::tables_dir(from).join(table.id().to_string());
        let path = to.join(&label);
        disk::link_or_copy(&from, &path).map_err(OpenError::io(&from))?;
        let length = path.metadata().map_err(OpenError::io(&path))?.len();
        let checksum = table.checksum().into_u128();
        let name = FileName { checksum, length };
        files.push(SnapshotFile { label, name, path });
    }
    layout::sync_dir(&layout::tables_dir(to), durability)?;
    let write = |label: String, bytes: &[u8]| {
        let path = to.join(&label);
        durability.write(&path, bytes).map_err(OpenError::io(&path))?;
        let name = FileName::of(bytes);
        Ok(SnapshotFile { label, name, path })
    };
    files.push(write(format!("tree/v{}", pinned.id), &pinned.listing)?);
    files.push(write("tree/current".to_owned(), &pinned.current)?);
    layout::sync_dir(&layout::tree_dir(to), durability)?;
    layout::sync_dir(to, durability)?;
    Ok(files)
}

#[cfg(test)]
mod tests;
