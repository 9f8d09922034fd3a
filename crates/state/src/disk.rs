//! What is done to files and directories so that it outlives a power cut.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// What files have to outlive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// A power cut: whoever wrote them builds on them when the process is started again.
    #[default]
    Lasting,
    /// Not even their process: nobody looks at them after it, so nothing waits for the disk.
    Scratch,
}

impl Durability {
    /// Makes the entries of `dir` as durable as that.
    pub(crate) fn sync_dir(self, dir: &Path) -> io::Result<()> {
        match self {
            Self::Lasting => sync_dir(dir),
            Self::Scratch => Ok(()),
        }
    }

    /// Creates `dir` and its parents, each entry as durable as that.
    pub(crate) fn create_dir(self, dir: &Path) -> io::Result<()> {
        match self {
            Self::Lasting => create_dir_durably(dir),
            Self::Scratch => fs::create_dir_all(dir),
        }
    }

    /// Writes a file, but not its entry.
    pub(crate) fn write(self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Lasting => write_synced(path, bytes),
            Self::Scratch => fs::write(path, bytes),
        }
    }

    /// Makes what was written to `file` as durable as that.
    pub(crate) fn sync_file(self, file: &File) -> io::Result<()> {
        match self {
            Self::Lasting => file.sync_all(),
            Self::Scratch => Ok(()),
        }
    }
}

/// Puts the path into the error, for errors that do not carry one.
pub(crate) fn at(path: &Path) -> impl Fn(io::Error) -> io::Error + '_ {
    |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// The directory that holds the entry of `path`.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Makes the entries of `dir` durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir).and_then(|dir| dir.sync_all())
}

/// Creates `dir` and its parents, each entry durable.
///
/// The last directory that is there already may be one whose creation was interrupted by a kill: its entry
/// need not be durable yet.
pub(crate) fn create_dir_durably(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return match sync_dir(parent(dir)) {
            // Someone else made it: in a directory of ours we may read.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
            synced => synced,
        };
    }
    create_dir_durably(parent(dir))?;
    match fs::create_dir(dir) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => sync_dir(parent(dir)),
    }
}

/// Writes a file and syncs it, but not its entry.
pub(crate) fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Gives the content of `from`, which never changes, a second name; a synced copy of its own where links are impossible.
/// The entry is not synced.
pub(crate) fn link_or_copy(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(error),
        Err(_) => {
            fs::copy(from, to)?;
            sync_content(to)
        }
    }
}

/// Makes the content of a file that someone else wrote durable; costs next to nothing where it is.
pub(crate) fn sync_content(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Removes a directory with all that is in it; none is as good.
pub(crate) fn remove_dir(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// `path` with `suffix` behind its name.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
