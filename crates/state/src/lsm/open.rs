//! Opening a state: look at everything first, then let the tree touch its files.
//!
//! ```text
//! lock ─► marker? ─ no ──► create the tree, then the marker
//!            └── yes ─► is it ours? ─► sync ─► only known files, sweep ─► current, v<N> ─► open ─► applied
//! ```
//!
//! A killed writer may have renamed `current` or the marker without syncing the directory. What is read here is then
//! newer than what a power cut leaves, and the tree removes the files of older versions while it opens: hence
//! the sync before anything else.

use std::collections::VecDeque;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use lsm_tree::{AbstractTree, AnyTree, Config, SequenceNumberCounter};

use super::compacting::Policy;
use super::slot::{Slot, SlotOptions};
use super::{APPLIED_KEY, LsmBackend, LsmOptions, NEWEST, OpenError, Owner, layout, version_file};
use crate::disk::{self, Durability};

/// What to do without a state.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Absent {
    Create,
    Refuse,
}

pub(super) fn open(dir: &Path, options: LsmOptions, absent: Absent) -> Result<LsmBackend, OpenError> {
    prepare(dir, absent, options.durability)?;
    let lock = layout::lock(dir)?;
    let (tree, seqno) = match read_owner(dir)? {
        Some(found) if found == options.owner => open_tree(dir, &options)?,
        Some(found) => {
            return Err(OpenError::WrongOwner {
                dir: dir.to_path_buf(),
                expected: options.owner,
                found,
            });
        }
        None if absent == Absent::Create => create_tree(dir, &options)?,
        None => {
            return Err(OpenError::Absent {
                dir: dir.to_path_buf(),
            });
        }
    };
    let applied = read_applied(dir, &tree)?;
    Ok(backend(dir, options, (tree, seqno), applied, lock))
}

/// Checks what can be checked without leaving a trace in a directory that is not a state.
fn prepare(dir: &Path, absent: Absent, durability: Durability) -> Result<(), OpenError> {
    if read_owner(dir)?.is_some() {
        return Ok(());
    }
    if absent == Absent::Refuse {
        return Err(OpenError::Absent {
            dir: dir.to_path_buf(),
        });
    }
    layout::create_dir(dir, durability)?;
    layout::check_unfinished(dir)
}

fn backend(
    dir: &Path,
    options: LsmOptions,
    (tree, seqno): (AnyTree, SequenceNumberCounter),
    applied: u64,
    lock: layout::DirLock,
) -> LsmBackend {
    let slot = Slot::new(SlotOptions {
        tree: tree.clone(),
        dir: dir.to_path_buf(),
        policy: Policy::new(options.compacting, options.l0_tables_max, options.table_bytes),
        free_space: options.free_space.clone(),
    });
    LsmBackend {
        tree,
        seqno,
        slot,
        compactor: options.shared.compactor,
        free_space: options.free_space,
        durability: options.durability,
        dir: dir.to_path_buf(),
        applied,
        persisted: applied,
        buffer: super::buffer::WriteBuffer::default(),
        flushes: VecDeque::new(),
        in_batch: false,
        _lock: lock,
    }
}

fn read_owner(dir: &Path) -> Result<Option<Owner>, OpenError> {
    let path = layout::marker_file(dir);
    match fs::read(&path) {
        Ok(bytes) => Owner::decode(&path, &bytes).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(OpenError::io(path)(error)),
    }
}

fn create_tree(dir: &Path, options: &LsmOptions) -> Result<(AnyTree, SequenceNumberCounter), OpenError> {
    layout::clear_unfinished(dir)?;
    let tree = load(dir, options)?;
    layout::sync_dir(dir, options.durability)?;
    layout::sync_dir(disk::parent(dir), options.durability)?;
    layout::write_marker(dir, &options.owner.encode(), options.durability)?;
    Ok(tree)
}

fn open_tree(dir: &Path, options: &LsmOptions) -> Result<(AnyTree, SequenceNumberCounter), OpenError> {
    layout::sync_names(dir, options.durability)?;
    layout::sweep_tree(dir)?;
    let id = version_file::verify_current(dir)?;
    let tree = load(dir, options)?;
    assert_eq!(
        tree.0.current_version().id(),
        id,
        "the tree opens the version that was verified"
    );
    Ok(tree)
}

/// Lets the tree open its directory, or create it: without `current` it always creates.
fn load(dir: &Path, options: &LsmOptions) -> Result<(AnyTree, SequenceNumberCounter), OpenError> {
    let path = layout::tree_dir(dir);
    let seqno = SequenceNumberCounter::default();
    let opened = Config::new(&path, seqno.clone(), SequenceNumberCounter::default())
        .use_cache(options.shared.cache.clone())
        .use_descriptor_table(Some(options.shared.descriptors.clone()))
        .open();
    opened.map(|tree| (tree, seqno)).map_err(|error| match error {
        lsm_tree::Error::Io(error) => OpenError::Io { path, error },
        error => OpenError::Damaged {
            path,
            reason: error.to_string(),
        },
    })
}

fn read_applied(dir: &Path, tree: &AnyTree) -> Result<u64, OpenError> {
    let damaged = |reason| OpenError::Damaged {
        path: layout::tree_dir(dir),
        reason,
    };
    let value = tree
        .get(APPLIED_KEY, NEWEST)
        .map_err(|error| damaged(error.to_string()))?;
    match value {
        Some(value) => value
            .as_ref()
            .try_into()
            .map(u64::from_le_bytes)
            .map_err(|_| damaged(format!("applied position of {} bytes", value.len()))),
        None if tree.table_count() == 0 => Ok(0),
        None => Err(damaged("its tables hold no applied position".to_owned())),
    }
}
