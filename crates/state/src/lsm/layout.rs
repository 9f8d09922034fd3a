//! The files of a state's directory: their names, what may lie there, and how it is made durable.

use std::ffi::OsStr;
use std::fs::{self, DirEntry, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::OpenError;
use crate::disk::Durability;

const TEMPORARY_MARKER: &str = "PARTITION.tmp";

pub(super) fn lock_file(dir: &Path) -> PathBuf {
    dir.join("LOCK")
}

pub(super) fn marker_file(dir: &Path) -> PathBuf {
    dir.join("PARTITION")
}

pub(super) fn tree_dir(dir: &Path) -> PathBuf {
    dir.join("tree")
}

pub(super) fn tables_dir(dir: &Path) -> PathBuf {
    tree_dir(dir).join("tables")
}

/// Creates `dir` and its parents.
pub(super) fn create_dir(dir: &Path, durability: Durability) -> Result<(), OpenError> {
    durability.create_dir(dir).map_err(OpenError::io(dir))
}

pub(super) fn sync_dir(dir: &Path, durability: Durability) -> Result<(), OpenError> {
    durability.sync_dir(dir).map_err(OpenError::io(dir))
}

/// Makes the marker, the tree's `current` and its versions durable under the names they have now. Their content is:
/// nothing gets its name before its content is synced, and a table's name is synced before its version is written.
pub(super) fn sync_names(dir: &Path, durability: Durability) -> Result<(), OpenError> {
    let tree = tree_dir(dir);
    match sync_dir(&tree, durability) {
        Err(OpenError::Io { error, .. }) if error.kind() == ErrorKind::NotFound => {
            Err(OpenError::Missing { path: tree })
        }
        synced => synced,
    }?;
    sync_dir(dir, durability)
}

/// The directory is ours until this is dropped.
pub(super) struct DirLock(File);

impl Drop for DirLock {
    fn drop(&mut self) {
        // Closing the file is not enough when a child process was just forked and has it open too. A
        // failure is left to the closing.
        self.0.unlock().ok();
    }
}

/// Takes the directory's lock.
pub(super) fn lock(dir: &Path) -> Result<DirLock, OpenError> {
    let path = lock_file(dir);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(OpenError::io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(DirLock(file)),
        Err(fs::TryLockError::WouldBlock) => Err(OpenError::Locked { path }),
        Err(fs::TryLockError::Error(error)) => Err(OpenError::io(path)(error)),
    }
}

/// Writes the marker: there complete or not at all, when this returns.
pub(super) fn write_marker(dir: &Path, content: &[u8], durability: Durability) -> Result<(), OpenError> {
    let temporary = dir.join(TEMPORARY_MARKER);
    durability
        .write(&temporary, content)
        .map_err(OpenError::io(&temporary))?;
    fs::rename(&temporary, marker_file(dir)).map_err(OpenError::io(marker_file(dir)))?;
    sync_dir(dir, durability)
}

/// Checks a directory without a marker: nothing may lie there but what an interrupted creation leaves
/// behind, which never holds data.
pub(super) fn check_unfinished(dir: &Path) -> Result<(), OpenError> {
    for entry in entries(dir)? {
        match entry.file_name().to_str() {
            Some("LOCK" | TEMPORARY_MARKER) => {}
            Some("tree") => check_without_data(&entry.path())?,
            _ => return Err(OpenError::Foreign { path: entry.path() }),
        }
    }
    Ok(())
}

/// Makes room for a new tree in a directory without a marker.
pub(super) fn clear_unfinished(dir: &Path) -> Result<(), OpenError> {
    check_unfinished(dir)?;
    match fs::remove_dir_all(tree_dir(dir)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(OpenError::io(tree_dir(dir))(error)),
        _ => Ok(()),
    }
}

/// A tree without a marker is unfinished only if it has no tables.
fn check_without_data(tree: &Path) -> Result<(), OpenError> {
    check_tree_files(tree)?;
    let tables = tree.join("tables");
    if !tables.is_dir() {
        return Ok(());
    }
    match entries(&tables)?.first() {
        Some(table) => Err(OpenError::Foreign { path: table.path() }),
        None => Ok(()),
    }
}

/// Checks that the tree's directory holds the tree's files only, and removes its temporary files,
/// which the tree never does.
pub(super) fn sweep_tree(dir: &Path) -> Result<(), OpenError> {
    let tree = tree_dir(dir);
    check_tree_files(&tree)?;
    for entry in entries(&tables_dir(dir))? {
        if !is_file(&entry) || !is_number(&entry.file_name(), "") {
            return Err(OpenError::Foreign { path: entry.path() });
        }
    }
    for entry in entries(&tree)? {
        if is_temporary(&entry.file_name()) {
            fs::remove_file(entry.path()).map_err(OpenError::io(entry.path()))?;
        }
    }
    Ok(())
}

fn check_tree_files(tree: &Path) -> Result<(), OpenError> {
    for entry in entries(tree)? {
        let name = entry.file_name();
        let known = if name == "tables" {
            entry.path().is_dir()
        } else {
            is_file(&entry) && (name == "current" || is_number(&name, "v") || is_temporary(&name))
        };
        if !known {
            return Err(OpenError::Foreign { path: entry.path() });
        }
    }
    Ok(())
}

/// The entries of `dir`, sorted by name so that the first complaint is always the same.
pub(super) fn entries(dir: &Path) -> Result<Vec<DirEntry>, OpenError> {
    let mut entries = match fs::read_dir(dir).and_then(Iterator::collect) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(OpenError::Missing {
                path: dir.to_path_buf(),
            });
        }
        entries => entries.map_err(OpenError::io(dir))?,
    };
    let sorted: &mut Vec<DirEntry> = &mut entries;
    sorted.sort_by_key(DirEntry::file_name);
    Ok(entries)
}

fn is_file(entry: &DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_file())
}

fn is_temporary(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with(".tmp"))
}

/// True for `prefix` followed by a number written the one way the tree writes it.
fn is_number(name: &OsStr, prefix: &str) -> bool {
    name.to_str()
        .and_then(|name| name.strip_prefix(prefix))
        .is_some_and(|digits| {
            digits
                .parse::<u64>()
                .is_ok_and(|number| number.to_string() == digits)
        })
}
