//! A state made of the files of a checkpoint.
//!
//! ```text
//! one part, the owner's key groups  ──► its files are linked
//! anything else                     ──► rows of the owner's key groups are read from all parts and written anew
//! ```
//!
//! The second needs keys that begin with their key group, two bytes big-endian: then the parts' rows, part after part,
//! come in the order of their keys, and one pass writes tables that need no compaction.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{APPLIED_KEY, LsmBackend, LsmOptions, LsmSnapshot, OpenError, layout, open};
use crate::disk::{self, Durability};
use crate::key_group::KeyGroupRange;
use crate::recovery::FetchedPart;
use crate::{Backend, RESERVED_KEY_BYTE};

/// A state that was restored.
pub struct LsmRestored {
    /// The state, at the position of its parts: the greatest, if there are several.
    pub state: LsmBackend,
    /// How long it took to make and open it.
    pub restore: Duration,
    /// The compaction that goes on in the compactor's thread, if the state wants one.
    pub compaction: Option<super::Compaction>,
}

impl LsmBackend {
    /// Makes a state in `dir`, which holds none, of parts of a checkpoint that have all key groups of `range`, and
    /// opens it. Files are linked where that is possible, else copied.
    ///
    /// # Errors
    ///
    /// Whatever makes the files unfit; `dir` does not exist then.
    pub fn restore(
        parts: &[FetchedPart],
        range: KeyGroupRange,
        dir: &Path,
        options: LsmOptions,
    ) -> Result<LsmRestored, OpenError> {
        let began = Instant::now();
        if let Some(part) = parts.iter().find(|part| part.format != LsmSnapshot::FORMAT) {
            return Err(OpenError::OtherFormat {
                found: part.format.clone(),
                expected: LsmSnapshot::FORMAT,
            });
        }
        let new = begin(dir)?;
        match parts {
            [part] if part.range == range => take_files(part, &new, &options)?,
            parts => take_rows(parts, range, &new, &options)?,
        }
        let position = parts.iter().map(|part| part.position).max().unwrap_or(0);
        let state = finish(&new, dir, position, options)?;
        let restore = began.elapsed();
        let compaction = state.compactor.submit_watched(&state.slot, &state.tree);
        Ok(LsmRestored {
            state,
            restore,
            compaction,
        })
    }
}

/// A name beside `dir`, which holds no state, under which nothing lies.
fn begin(dir: &Path) -> Result<PathBuf, OpenError> {
    let new = disk::with_suffix(dir, ".restoring");
    disk::remove_dir(&new).map_err(OpenError::io(&new))?;
    if dir.exists() {
        layout::check_unfinished(dir)?;
        disk::remove_dir(dir).map_err(OpenError::io(dir))?;
    }
    Ok(new)
}

/// Makes a state of the files of a part.
fn take_files(part: &FetchedPart, new: &Path, options: &LsmOptions) -> Result<(), OpenError> {
    let durability = options.durability;
    layout::create_dir(&layout::tables_dir(new), durability)?;
    for file in part.files() {
        let to = new.join(&file.label);
        disk::link_or_copy(&file.path, &to).map_err(OpenError::io(&file.path))?;
        if durability == Durability::Lasting {
            // Whoever fetched it did not wait for the disk.
            disk::sync_content(&to).map_err(OpenError::io(&to))?;
        }
    }
    layout::sync_dir(&layout::tables_dir(new), durability)?;
    layout::sync_dir(&layout::tree_dir(new), durability)?;
    layout::write_marker(new, &options.owner.encode(), durability)
}

/// Makes a state of the rows that the parts have in `range`.
fn take_rows(
    parts: &[FetchedPart],
    range: KeyGroupRange,
    new: &Path,
    options: &LsmOptions,
) -> Result<(), OpenError> {
    let mut parts: Vec<_> = parts
        .iter()
        .filter_map(|part| Some((part.range.intersection(range)?, part)))
        .collect();
    parts.sort_by_key(|(common, _)| common.first());
    let state = open::open(new, options.clone(), open::Absent::Create)?;
    let failed = |reason: String| OpenError::Damaged {
        path: new.to_path_buf(),
        reason,
    };
    let mut tables = state
        .tree
        .ingestion()
        .map_err(|error| failed(error.to_string()))?;
    let mut write = |key: &[u8], value: &[u8]| {
        let written = tables.write(key, value);
        written.map_err(|error| failed(error.to_string()))
    };
    let position = parts.iter().map(|(_, part)| part.position).max().unwrap_or(0);
    for (common, part) in parts {
        let source = Source::open(part, new, options)?;
        let (start, end) = bounds(common);
        for row in source.state.rows(&start, &end) {
            let (key, value) = row.map_err(|error| failed(error.to_string()))?;
            write(&key, &value)?;
        }
        source.close()?;
    }
    // With the rows, as in every flush.
    write(APPLIED_KEY, &position.to_le_bytes())?;
    tables.finish().map_err(|error| failed(error.to_string()))?;
    drop(state);
    layout::sync_dir(&layout::tables_dir(new), options.durability)?;
    layout::sync_names(new, options.durability)
}

/// A part, opened in a directory of its own: opening it may change files there, and never those of the checkpoint.
struct Source {
    state: LsmBackend,
    dir: PathBuf,
}

impl Source {
    fn open(part: &FetchedPart, new: &Path, options: &LsmOptions) -> Result<Self, OpenError> {
        let dir = disk::with_suffix(new, "-from");
        disk::remove_dir(&dir).map_err(OpenError::io(&dir))?;
        take_files(part, &dir, options)?;
        let state = open::open(&dir, options.clone(), open::Absent::Refuse)?;
        check_position(&state, part.position)?;
        Ok(Self { state, dir })
    }

    fn close(self) -> Result<(), OpenError> {
        drop(self.state);
        disk::remove_dir(&self.dir).map_err(OpenError::io(&self.dir))
    }
}

/// The keys of a range of key groups: from the first to before the second.
fn bounds(range: KeyGroupRange) -> (Vec<u8>, Vec<u8>) {
    let end = match range.last().0.checked_add(1) {
        Some(next) => next.to_be_bytes().to_vec(),
        None => vec![RESERVED_KEY_BYTE],
    };
    (
        range.first().0.to_be_bytes().to_vec(),
        end.min(vec![RESERVED_KEY_BYTE]),
    )
}

/// A checkpoint that says another position than its files do is not to be trusted.
fn check_position(state: &LsmBackend, expected: u64) -> Result<(), OpenError> {
    let found = state.applied();
    if found == expected {
        return Ok(());
    }
    Err(OpenError::Damaged {
        path: state.dir().to_path_buf(),
        reason: format!("its position is {found}, the checkpoint says {expected}"),
    })
}

/// Opens the state before it has its name: what cannot be opened never gets one.
fn finish(new: &Path, dir: &Path, position: u64, options: LsmOptions) -> Result<LsmBackend, OpenError> {
    let state = open::open(new, options.clone(), open::Absent::Refuse)?;
    check_position(&state, position)?;
    drop(state);
    // The lock file belongs to the opening.
    let lock = layout::lock_file(new);
    fs::remove_file(&lock).map_err(OpenError::io(&lock))?;
    fs::rename(new, dir).map_err(OpenError::io(dir))?;
    layout::sync_dir(disk::parent(dir), options.durability)?;
    LsmBackend::open_existing(dir, options)
}

#[cfg(test)]
mod tests;
