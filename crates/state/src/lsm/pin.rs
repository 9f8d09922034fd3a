//! A version of the tree whose files stay while someone links them.
//!
//! ```text
//!  Waiting ──► Pinned ──► Gone          a flush ends ─► written, dropped, or the state is closed
//!     └──────► Failed
//! ```
//!
//! A tree removes a file when nothing refers to it any more, under a name that a later open uses again. What refers to
//! files must therefore be gone before the directory's lock is: closing the state takes the version away from its
//! snapshot, and waits for one that is being written.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use lsm_tree::{AbstractTree, AnyTree, Table};

use super::{OpenError, layout, version_file};
use crate::store::FileName;

/// How often the tree may move on while its version is read.
const TRIES_MAX: usize = 100;

/// A version: its tables, and the two files that make it one.
pub(super) struct Pinned {
    /// The file of a table stays as long as this is held.
    pub(super) tables: Vec<Table>,
    pub(super) id: u64,
    pub(super) current: Vec<u8>,
    /// The file `v<N>`.
    pub(super) listing: Vec<u8>,
}

impl Pinned {
    /// What is on disk of the tree in `dir` now.
    pub(super) fn take(tree: &AnyTree, dir: &Path) -> Result<Self, OpenError> {
        for _ in 0..TRIES_MAX {
            // `None` when a compaction has just made another version.
            if let Some(pinned) = Self::try_take(tree, dir)? {
                return Ok(pinned);
            }
        }
        Err(OpenError::Damaged {
            path: dir.to_path_buf(),
            reason: format!("its version changed {TRIES_MAX} times while it was read"),
        })
    }

    fn try_take(tree: &AnyTree, dir: &Path) -> Result<Option<Self>, OpenError> {
        let version = tree.current_version();
        let files = layout::tree_dir(dir);
        let current = fs::read(files.join("current")).map_err(OpenError::io(&files))?;
        let Some(listing) = read_if_there(&files.join(format!("v{}", version.id())))? else {
            return Ok(None);
        };
        let named = version_file::names(&current, &files)?;
        let is_this = named == (version.id(), FileName::of(&listing).checksum);
        Ok(is_this.then(|| Self {
            tables: version.iter_tables().cloned().collect(),
            id: version.id(),
            current,
            listing,
        }))
    }
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, OpenError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(OpenError::io(path)(error)),
    }
}

enum State {
    Waiting,
    Pinned(Pinned),
    Failed(String),
    Gone,
}

/// Where a version waits between the flush that made it and the snapshot that links it.
pub(super) struct Pin {
    dir: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
}

impl Pin {
    /// Of the tree in `dir`; empty.
    pub(super) fn new(dir: &Path) -> Arc<Self> {
        Arc::new(Self {
            dir: dir.to_path_buf(),
            state: Mutex::new(State::Waiting),
            changed: Condvar::new(),
        })
    }

    /// The directory of the state.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Pins what is on disk now.
    pub(super) fn fill(&self, tree: &AnyTree) {
        match Pinned::take(tree, &self.dir) {
            Ok(pinned) => self.set(State::Pinned(pinned)),
            Err(error) => self.set(State::Failed(error.to_string())),
        }
    }

    /// What should have been flushed is not.
    pub(super) fn fail(&self, reason: String) {
        self.set(State::Failed(reason));
    }

    /// Nothing is pinned any more; waits for whoever links.
    pub(super) fn close(&self) {
        *self.lock() = State::Gone;
        self.changed.notify_all();
    }

    /// Waits for the version, lets `link` have it, and lets it go. The reason when there is none.
    pub(super) fn with<T>(&self, link: impl FnOnce(&Pinned) -> T) -> Result<T, String> {
        let waiting = |state: &mut State| matches!(state, State::Waiting);
        let waited = self.changed.wait_while(self.lock(), waiting);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        let linked = match &*state {
            State::Pinned(pinned) => Ok(link(pinned)),
            State::Failed(reason) => Err(reason.clone()),
            State::Waiting | State::Gone => Err("the state was closed".to_owned()),
        };
        *state = State::Gone;
        linked
    }

    /// Unless it was closed or has failed already.
    fn set(&self, new: State) {
        let mut state = self.lock();
        if matches!(*state, State::Waiting) {
            *state = new;
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has to fill a pin: dropped without that, it fails it.
pub(super) struct Filler(pub(super) Arc<Pin>);

impl Drop for Filler {
    fn drop(&mut self) {
        self.0.fail("the flush before it panicked".to_owned());
    }
}
