//! Copies of checkpoints on this host's disk: what a restore looks at first.
//!
//! ```text
//! <dir>/<20 digits>/manifest              written last: without it the directory means nothing
//! <dir>/<20 digits>/<task>-<subtask>/…    where the subtask's snapshot was written
//! ```
//!
//! A copy costs next to no room as long as the state still has the same files: they are links. A copy that is removed
//! loses its name first.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::disk::{self, Durability};
use crate::store::{Listing, Manifest, ManifestError};

const MANIFEST: &str = "manifest";
const REMOVING: &str = ".removing";

/// The copies in one directory, which belongs to one job on one host.
#[derive(Clone, Debug)]
pub struct LocalCopies {
    dir: PathBuf,
    durability: Durability,
}

impl LocalCopies {
    /// The copies in `dir`, which is made when it is absent. What an earlier process left unfinished is removed.
    ///
    /// # Errors
    ///
    /// When the disk refuses.
    pub fn open(dir: &Path) -> io::Result<Self> {
        Self::open_as(dir, Durability::Lasting)
    }

    /// As [`open`](Self::open), of copies that have to outlive no more than that.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_as(dir: &Path, durability: Durability) -> io::Result<Self> {
        durability.create_dir(dir).map_err(disk::at(dir))?;
        let copies = Self {
            dir: dir.to_path_buf(),
            durability,
        };
        for entry in fs::read_dir(dir).map_err(disk::at(dir))? {
            let path = entry.map_err(disk::at(dir))?.path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            let is_removed = name.ends_with(REMOVING);
            let is_unfinished = number(name).is_some() && !path.join(MANIFEST).exists();
            if is_removed || is_unfinished {
                disk::remove_dir(&path).map_err(disk::at(&path))?;
            }
        }
        Ok(copies)
    }

    /// Makes room for the copy of a checkpoint that begins.
    ///
    /// # Errors
    ///
    /// When there is a whole one of this number, or the disk refuses.
    pub fn begin(&self, checkpoint: u64) -> io::Result<()> {
        let dir = self.copy(checkpoint);
        if dir.join(MANIFEST).exists() {
            let taken = io::Error::from(ErrorKind::AlreadyExists);
            return Err(disk::at(&dir)(taken));
        }
        disk::remove_dir(&dir).map_err(disk::at(&dir))?;
        self.durability.create_dir(&dir).map_err(disk::at(&dir))
    }

    /// Where a subtask writes its [snapshot](crate::SnapshotWriter::write), and where it lies afterwards.
    #[must_use]
    pub fn part_dir(&self, checkpoint: u64, task: &str, subtask: usize) -> PathBuf {
        self.copy(checkpoint)
            .join(format!("{}-{subtask}", file_name_of(task)))
    }

    /// The copy is whole.
    ///
    /// # Errors
    ///
    /// When the disk refuses.
    pub fn publish(&self, manifest: &Manifest) -> io::Result<()> {
        let dir = self.copy(manifest.checkpoint);
        let new = dir.join("manifest.new");
        let durability = self.durability;
        durability
            .write(&new, &manifest.encode())
            .map_err(disk::at(&new))?;
        // The names of the parts before that of the manifest.
        durability.sync_dir(&dir).map_err(disk::at(&dir))?;
        fs::rename(&new, dir.join(MANIFEST)).map_err(disk::at(&new))?;
        durability.sync_dir(&dir).map_err(disk::at(&dir))
    }

    /// Removes the copy of a checkpoint, whole or not; none is as good.
    ///
    /// # Errors
    ///
    /// When the disk refuses. The copy may have lost its name already; then the next [opening](Self::open) goes on.
    pub fn forget(&self, checkpoint: u64) -> io::Result<()> {
        let dir = self.copy(checkpoint);
        let removing = disk::with_suffix(&dir, REMOVING);
        disk::remove_dir(&removing).map_err(disk::at(&removing))?;
        match fs::rename(&dir, &removing) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            renamed => renamed.map_err(disk::at(&dir))?,
        }
        self.durability.sync_dir(&self.dir).map_err(disk::at(&self.dir))?;
        disk::remove_dir(&removing).map_err(disk::at(&removing))
    }

    /// Removes every copy whose checkpoint `keep` does not want.
    ///
    /// # Errors
    ///
    /// As [`forget`](Self::forget).
    pub fn retain(&self, keep: impl Fn(u64) -> bool) -> io::Result<()> {
        let forgotten = self.numbers()?.into_iter().filter(|&number| !keep(number));
        forgotten.into_iter().try_for_each(|number| self.forget(number))
    }

    /// Reads every manifest.
    ///
    /// # Errors
    ///
    /// When the disk refuses; a damaged manifest is not an error.
    pub fn list(&self) -> io::Result<Listing> {
        let mut listing = Listing::default();
        for number in self.numbers()? {
            match self.manifest(number)? {
                Some(Ok(manifest)) => listing.readable.push(manifest),
                Some(Err(error)) => listing.damaged.push((number, error)),
                None => {}
            }
        }
        Ok(listing)
    }

    /// Where the copies are.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn manifest(&self, number: u64) -> io::Result<Option<Result<Manifest, ManifestError>>> {
        let path = self.copy(number).join(MANIFEST);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            bytes => bytes.map_err(disk::at(&path))?,
        };
        Ok(Some(Manifest::decode_as(number, &bytes)))
    }

    fn numbers(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(disk::at(&self.dir))? {
            let name = entry.map_err(disk::at(&self.dir))?.file_name();
            numbers.extend(name.to_str().and_then(number));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn copy(&self, checkpoint: u64) -> PathBuf {
        self.dir.join(format!("{checkpoint:020}"))
    }
}

/// The number of a copy from the name of its directory; `None` for anything else.
fn number(name: &str) -> Option<u64> {
    let is_number = name.len() == 20 && name.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| name.parse().ok()).flatten()
}

/// A task's name where it can be part of a file's name, else its checksum.
fn file_name_of(task: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if (1..=64).contains(&task.len()) && task.bytes().all(is_plain) {
        task.to_owned()
    } else {
        format!("{:032x}", xxhash_rust::xxh3::xxh3_128(task.as_bytes()))
    }
}

#[cfg(test)]
mod tests;
