//! A state made of the files of a checkpoint.
//!
//! ```text
//! one part, the same key groups     ──► its files are linked
//! anything else                     ──► rows of the owner's key groups are read from all parts and written anew
//! ```

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{LsmBackend, LsmOptions, LsmSnapshot, OpenError, layout, open};
use crate::disk;
use crate::recovery::FetchedPart;

/// A state that was restored.
pub struct LsmRestored {
    /// The state, at the position of its parts.
    pub state: LsmBackend,
    /// How long it took to make and open it.
    pub restore: Duration,
}

impl LsmBackend {
    /// Makes a state in `dir`, which holds none, of a part of a checkpoint, and opens it. Files are linked where that
    /// is possible, else copied.
    ///
    /// # Errors
    ///
    /// Whatever makes the files unfit; `dir` does not exist then.
    pub fn restore(part: &FetchedPart, dir: &Path, options: LsmOptions) -> Result<LsmRestored, OpenError> {
        let began = Instant::now();
        if part.format != LsmSnapshot::FORMAT {
            return Err(OpenError::OtherFormat {
                found: part.format.clone(),
                expected: LsmSnapshot::FORMAT,
            });
        }
        let new = begin(dir)?;
        layout::create_dir_durably(&layout::tables_dir(&new))?;
        for file in part.files() {
            let to = new.join(&file.label);
            disk::link_or_copy(&file.path, &to).map_err(OpenError::io(&file.path))?;
        }
        layout::sync_dir(&layout::tables_dir(&new))?;
        layout::sync_dir(&layout::tree_dir(&new))?;
        layout::write_marker(&new, &options.owner.encode())?;
        let state = finish(&new, dir, options)?;
        Ok(LsmRestored {
            state,
            restore: began.elapsed(),
        })
    }
}

/// An empty directory beside `dir`, which holds no state.
fn begin(dir: &Path) -> Result<std::path::PathBuf, OpenError> {
    let new = disk::with_suffix(dir, ".restoring");
    disk::remove_dir(&new).map_err(OpenError::io(&new))?;
    if dir.exists() {
        layout::check_unfinished(dir)?;
        disk::remove_dir(dir).map_err(OpenError::io(dir))?;
    }
    Ok(new)
}

/// Opens the state before it has its name: what cannot be opened never gets one.
fn finish(new: &Path, dir: &Path, options: LsmOptions) -> Result<LsmBackend, OpenError> {
    drop(open::open(new, options.clone(), open::Absent::Refuse)?);
    // The lock file belongs to the opening.
    let lock = layout::lock_file(new);
    fs::remove_file(&lock).map_err(OpenError::io(&lock))?;
    fs::rename(new, dir).map_err(OpenError::io(dir))?;
    layout::sync_dir(disk::parent(dir))?;
    LsmBackend::open_existing(dir, options)
}
