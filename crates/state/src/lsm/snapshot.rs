//! What a state has on disk, under names of its own: the state as it was at one position.
//!
//! ```text
//! <to>/tree/current, v<N>, tables/<id>      hard links to the tree's own files, except for the two small ones
//! ```
//!
//! The tree never changes a file, and removes one only under its own name: a linked file stays as it is. The name of
//! a table's content is known to the version that lists it, so nothing is read and nothing is copied. A directory with
//! the final name is complete; one that ends in `.new` is not and means nothing.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use lsm_tree::AbstractTree;

use super::{LsmBackend, LsmOptions, OpenError, layout, open, version_file};
use crate::StateError;
use crate::store::{FileName, Source};

/// How often the tree may move on while its files are linked.
const TRIES_MAX: usize = 100;

/// A state as it was at one position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LsmSnapshot {
    /// The position of the last record in it.
    pub position: u64,
    /// Its files.
    pub files: Vec<SnapshotFile>,
}

/// One file of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotFile {
    /// Its path below the snapshot's directory, with `/` between its parts.
    pub label: String,
    /// What is in it.
    pub name: FileName,
    /// Where it is.
    pub path: PathBuf,
}

impl SnapshotFile {
    /// Where its bytes are.
    pub fn source(&self) -> Source {
        Source::File(self.path.clone())
    }
}

impl LsmSnapshot {
    /// What the files are, for a manifest.
    pub const FORMAT: &str = "lsm-tree 3";

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.name.length).sum()
    }
}

impl LsmBackend {
    /// Links what is on disk into `to`, which does not exist yet: the state at [`persisted`](crate::Backend::persisted).
    /// Panics while a flush is under way. Takes about as long as creating as many files as there are tables.
    ///
    /// # Errors
    ///
    /// [`StateError::Snapshot`] when a file cannot be read, linked or synced; `to` does not exist then.
    pub fn link_snapshot(&self, to: &Path) -> Result<LsmSnapshot, StateError> {
        assert!(
            self.flushing.is_none(),
            "a snapshot is linked when the flush before it has ended"
        );
        let new = with_suffix(to, ".new");
        let linked = remove(&new).and_then(|()| self.link_into(&new));
        let published = linked.and_then(|files| {
            fs::rename(&new, to).map_err(OpenError::io(to))?;
            layout::sync_dir(layout::parent(to))?;
            Ok(files)
        });
        let mut files = published.map_err(|error| {
            // What is left of it means nothing, and the next snapshot removes it.
            drop(remove(&new));
            StateError::Snapshot {
                path: to.to_path_buf(),
                reason: error.to_string(),
            }
        })?;
        for file in &mut files {
            file.path = to.join(&file.label);
        }
        Ok(LsmSnapshot {
            position: self.persisted,
            files,
        })
    }

    fn link_into(&self, new: &Path) -> Result<Vec<SnapshotFile>, OpenError> {
        for _ in 0..TRIES_MAX {
            layout::create_dir_durably(&layout::tables_dir(new))?;
            match self.try_link_into(new)? {
                Some(files) => return Ok(files),
                // A compaction has just made another version.
                None => remove(new)?,
            }
        }
        Err(OpenError::Damaged {
            path: self.dir.clone(),
            reason: format!("its version changed {TRIES_MAX} times while it was read"),
        })
    }

    /// `None` when `current` does not name the version whose files are held.
    fn try_link_into(&self, new: &Path) -> Result<Option<Vec<SnapshotFile>>, OpenError> {
        // As long as this is held, its tables stay.
        let version = self.tree.current_version();
        let tree = layout::tree_dir(&self.dir);
        let current = fs::read(tree.join("current")).map_err(OpenError::io(&tree))?;
        let label = format!("v{}", version.id());
        let Some(listing) = read_if_there(&tree.join(&label))? else {
            return Ok(None);
        };
        if version_file::names(&current, &tree)? != (version.id(), FileName::of(&listing).checksum) {
            return Ok(None);
        }
        let mut files = Vec::new();
        for table in version.iter_tables() {
            let label = format!("tree/tables/{}", table.id());
            let from = layout::tables_dir(&self.dir).join(table.id().to_string());
            let path = new.join(&label);
            fs::hard_link(&from, &path).map_err(OpenError::io(&from))?;
            let length = fs::metadata(&path).map_err(OpenError::io(&path))?.len();
            let checksum = table.checksum().into_u128();
            let name = FileName { checksum, length };
            files.push(SnapshotFile { label, name, path });
        }
        layout::sync_dir(&layout::tables_dir(new))?;
        files.push(write(new, format!("tree/{label}"), &listing)?);
        files.push(write(new, "tree/current".to_owned(), &current)?);
        layout::sync_dir(&layout::tree_dir(new))?;
        layout::sync_dir(new)?;
        Ok(Some(files))
    }

    /// Makes a state in `dir`, which holds none, of the files of a snapshot below `from`, and opens it. Files are
    /// linked where that is possible, else copied; each one is compared with its checksum.
    ///
    /// # Errors
    ///
    /// Whatever makes the files unfit; `dir` does not exist then.
    pub fn restore(from: &Path, dir: &Path, options: LsmOptions) -> Result<Self, OpenError> {
        let new = with_suffix(dir, ".restoring");
        remove(&new)?;
        if dir.exists() {
            layout::check_unfinished(dir)?;
            remove(dir)?;
        }
        layout::create_dir_durably(&layout::tables_dir(&new))?;
        take_files(&layout::tree_dir(from), &layout::tree_dir(&new))?;
        take_files(&layout::tables_dir(from), &layout::tables_dir(&new))?;
        layout::write_marker(&new, &options.owner.encode())?;
        verify(&new, options.clone())?;
        fs::rename(&new, dir).map_err(OpenError::io(dir))?;
        layout::sync_dir(layout::parent(dir))?;
        Self::open_existing(dir, options)
    }
}

/// Opens the state before it has its name, and reads every byte of it.
fn verify(dir: &Path, options: LsmOptions) -> Result<(), OpenError> {
    let state = open::open(dir, options, open::Absent::Refuse)?;
    state.verify_tables().map_err(|error| OpenError::Damaged {
        path: dir.to_path_buf(),
        reason: error.to_string(),
    })?;
    drop(state);
    // The lock file belongs to the opening.
    let lock = layout::lock_file(dir);
    fs::remove_file(&lock).map_err(OpenError::io(&lock))
}

/// Links, or copies, the plain files of a directory.
fn take_files(from: &Path, to: &Path) -> Result<(), OpenError> {
    for entry in layout::entries(from)? {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            continue;
        }
        if fs::hard_link(&from, &to).is_err() {
            fs::copy(&from, &to).map_err(OpenError::io(&from))?;
            fs::File::open(&to)
                .and_then(|file| file.sync_all())
                .map_err(OpenError::io(&to))?;
        }
    }
    layout::sync_dir(to)
}

fn write(dir: &Path, label: String, bytes: &[u8]) -> Result<SnapshotFile, OpenError> {
    use std::io::Write;
    let path = dir.join(&label);
    fs::File::create(&path)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .map_err(OpenError::io(&path))?;
    let name = FileName::of(bytes);
    Ok(SnapshotFile { label, name, path })
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, OpenError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(OpenError::io(path)(error)),
    }
}

fn remove(dir: &Path) -> Result<(), OpenError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(OpenError::io(dir)(error)),
        _ => Ok(()),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests;
