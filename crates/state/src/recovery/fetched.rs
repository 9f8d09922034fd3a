//! Files of a checkpoint that are here and are what was written.

use std::io;
use std::path::{Path, PathBuf};

use crate::disk;
use crate::key_group::KeyGroupRange;
use crate::snapshot::SnapshotFiles;
use crate::store::FileName;

/// A part of a checkpoint whose files lie on this host's disk, each compared with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedPart {
    /// The key groups it was written for; rows of others in its files mean nothing.
    pub range: KeyGroupRange,
    /// The position of the last record in it.
    pub position: u64,
    /// How the files are to be read.
    pub format: String,
    files: Vec<FetchedFile>,
}

/// One of its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedFile {
    /// What the backend calls it.
    pub label: String,
    /// Where it is.
    pub path: PathBuf,
}

impl FetchedPart {
    /// A snapshot that lies where it was written, of an owner of `range`. Every byte is read.
    ///
    /// # Errors
    ///
    /// When a file is gone or is not what was written.
    pub fn of_snapshot(snapshot: &SnapshotFiles, range: KeyGroupRange) -> io::Result<Self> {
        let mut part = Self::new(range, snapshot.position, snapshot.format);
        for file in &snapshot.files {
            check_file(&file.path, file.name)?;
            part.add(&file.label, file.path.clone());
        }
        Ok(part)
    }

    pub(crate) fn new(range: KeyGroupRange, position: u64, format: &str) -> Self {
        Self {
            range,
            position,
            format: format.to_owned(),
            files: Vec::new(),
        }
    }

    /// The file was compared with its name.
    pub(crate) fn add(&mut self, label: &str, path: PathBuf) {
        let label = label.to_owned();
        self.files.push(FetchedFile { label, path });
    }

    /// Its files, in the order in which they are to be read.
    #[must_use]
    pub fn files(&self) -> &[FetchedFile] {
        &self.files
    }
}

/// Reads a file and compares it with its name.
pub(crate) fn check_file(path: &Path, expected: FileName) -> io::Result<()> {
    compare(path, expected, FileName::of_file(path).map_err(disk::at(path))?)
}

/// What is in a file is what was written there.
pub(super) fn compare(path: &Path, expected: FileName, found: FileName) -> io::Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidData,
        format!(
            "{} is damaged: {expected} was written, {found} is there",
            path.display()
        ),
    ))
}
