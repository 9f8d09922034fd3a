//! The real disk: one directory, locked by the process that uses it.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::{Errno, retry_on_intr};

use crate::disk::Disk;

const LOCK_FILE: &str = "lock";

/// Files of one directory. Holds an exclusive lock on it: two processes never share a log.
///
/// Files whose name starts with a dot, directories and the lock file are not part of the log.
#[derive(Debug)]
pub struct FileDisk {
    dir: PathBuf,
    /// Held open for its lock.
    _lock: File,
    /// The file written last.
    active: Option<(String, File)>,
}

/// Why a directory cannot be used.
#[derive(Debug)]
pub enum FileDiskError {
    /// Stop the other process, or choose another directory.
    InUse(
        /// The directory.
        PathBuf,
    ),
    /// Mend the directory or its permissions.
    Io {
        /// The directory.
        dir: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
}

impl fmt::Display for FileDiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FileDiskError::InUse(dir) => {
                write!(f, "the log in {} is in use by another process", dir.display())
            }
            FileDiskError::Io { dir, error } => {
                write!(f, "cannot use {} for the log: {error}", dir.display())
            }
        }
    }
}

impl std::error::Error for FileDiskError {}

impl FileDisk {
    /// Locks the directory, which is created if needed.
    pub fn open(dir: impl Into<PathBuf>) -> Result<FileDisk, FileDiskError> {
        let dir = dir.into();
        let lock = create_dir(&dir).and_then(|()| open_lock(&dir));
        match lock.map(|lock| (lock.try_lock(), lock)) {
            Ok((Ok(()), lock)) => Ok(FileDisk {
                dir,
                _lock: lock,
                active: None,
            }),
            Ok((Err(TryLockError::WouldBlock), _)) => Err(FileDiskError::InUse(dir)),
            Ok((Err(TryLockError::Error(error)), _)) | Err(error) => Err(FileDiskError::Io { dir, error }),
        }
    }

    fn active(&mut self, name: &str) -> io::Result<&File> {
        if self.active.as_ref().is_none_or(|(open, _)| open != name) {
            let file = OpenOptions::new().write(true).open(self.dir.join(name))?;
            self.active = Some((name.to_owned(), file));
        }
        let active = self.active.as_ref();
        Ok(active.map(|(_, file)| file).expect("the file was just opened"))
    }
}

impl Disk for FileDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.dir)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !entry.file_type()?.is_dir() && name != LOCK_FILE && !name.starts_with('.') {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn read(&self, name: &str, buffer: &mut Vec<u8>) -> io::Result<()> {
        buffer.clear();
        File::open(self.dir.join(name))?.read_to_end(buffer)?;
        Ok(())
    }

    fn create(&mut self, name: &str, preallocate_bytes: u64) -> io::Result<()> {
        let path = self.dir.join(name);
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).open(&path)?;
        if let Err(error) = preallocate(&file, preallocate_bytes) {
            // Give back what was reserved in part; the error that counts is the first one.
            drop(file.set_len(0));
            return Err(error);
        }
        self.active = Some((name.to_owned(), file));
        Ok(())
    }

    fn write_at(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.active(name)?.write_at(bytes, offset)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.active(name)?.sync_data()
    }

    fn sync_dir(&mut self) -> io::Result<()> {
        File::open(&self.dir)?.sync_all()
    }

    fn truncate(&mut self, name: &str, length: u64) -> io::Result<()> {
        let file = self.active(name)?;
        if file.metadata()?.len() > length {
            file.set_len(length)
        } else {
            Ok(())
        }
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        if self.active.as_ref().is_some_and(|(open, _)| open == name) {
            self.active = None;
        }
        std::fs::remove_file(self.dir.join(name))
    }
}

/// Creates the directory, and its parents where they are missing, and makes every new name durable. A directory that
/// is there may have been made by a process that was killed before it could sync the name: it is synced again.
fn create_dir(dir: &Path) -> io::Result<()> {
    let parent = dir
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    if dir.is_dir() {
        return match sync_name(parent) {
            // Someone else made it, in a directory we may not read.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            synced => synced,
        };
    }
    create_dir(parent)?;
    match std::fs::create_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_name(parent),
    }
}

fn sync_name(parent: &Path) -> io::Result<()> {
    File::open(parent)?.sync_all()
}

fn open_lock(dir: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options
        .write(true)
        .create(true)
        .truncate(false)
        .open(dir.join(LOCK_FILE))
}

/// Reserves space so that a sync has little metadata to write. Not every file system can.
fn preallocate(file: &File, bytes: u64) -> io::Result<()> {
    match retry_on_intr(|| fallocate(file, FallocateFlags::empty(), 0, bytes)) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) | Ok(()) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
