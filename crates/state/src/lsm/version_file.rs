//! The checks the tree leaves out: `current` and `v<N>` on open, the tables on demand.
//!
//! `current` is the id N (u64), the XXH3-128 of the file `v<N>` (u128), both little endian, and the
//! kind of checksum (u8, 0). `v<N>` lists the tables with their checksums, so that one checksum vouches
//! for the whole list. Without these checks a flipped bit can open as wrong data.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use lsm_tree::{AbstractTree, AnyTree};
use xxhash_rust::xxh3::xxh3_128;

use super::{OpenError, layout};
use crate::StateError;
use crate::store::FileName;

const CURRENT_BYTES: usize = 25;
const XXH3: u8 = 0;

/// Checks the version that `current` names and returns its id.
pub(super) fn verify_current(dir: &Path) -> Result<u64, OpenError> {
    let path = layout::tree_dir(dir).join("current");
    let (id, expected) = parse_current(&path, &read(&path)?)?;
    let path = layout::tree_dir(dir).join(format!("v{id}"));
    let found = xxh3_128(&read(&path)?);
    if found != expected {
        return Err(OpenError::Damaged {
            path,
            reason: format!("its checksum is {found:032x}, `current` says {expected:032x}"),
        });
    }
    Ok(id)
}

/// The id and the checksum of the version that a `current` of the tree in `dir` names.
pub(super) fn names(current: &[u8], dir: &Path) -> Result<(u64, u128), OpenError> {
    parse_current(&dir.join("current"), current)
}

fn parse_current(path: &Path, bytes: &[u8]) -> Result<(u64, u128), OpenError> {
    let damaged = |reason| OpenError::Damaged {
        path: path.to_path_buf(),
        reason,
    };
    let bytes: &[u8; CURRENT_BYTES] = bytes
        .try_into()
        .map_err(|_| damaged(format!("it has {} bytes, not {CURRENT_BYTES}", bytes.len())))?;
    let (id, rest) = bytes.split_first_chunk().expect("25 bytes hold 8");
    let (checksum, kind) = rest.split_first_chunk().expect("17 bytes hold 16");
    if kind != [XXH3] {
        return Err(damaged(format!("checksum kind {kind:?} is unknown")));
    }
    Ok((u64::from_le_bytes(*id), u128::from_le_bytes(*checksum)))
}

fn read(path: &Path) -> Result<Vec<u8>, OpenError> {
    match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Err(OpenError::Missing {
            path: path.to_path_buf(),
        }),
        content => content.map_err(OpenError::io(path)),
    }
}

/// Compares the tables of `tree`, whose files lie in `tables`, with their checksums; returns the bytes
/// read. The version it reads keeps its files, so a compaction may go on.
pub(super) fn verify_tables(tree: &AnyTree, tables: &Path) -> Result<u64, StateError> {
    let version = tree.current_version();
    let mut bytes = 0;
    for table in version.iter_tables() {
        let path = tables.join(table.id().to_string());
        let found = FileName::of_file(&path).map_err(|error| StateError::Read {
            reason: format!("{}: {error}", path.display()),
        })?;
        check_table(path, found.checksum, table.checksum().into_u128())?;
        bytes += found.length;
    }
    Ok(bytes)
}

fn check_table(path: PathBuf, found: u128, expected: u128) -> Result<(), StateError> {
    if found == expected {
        return Ok(());
    }
    Err(StateError::TableDamaged {
        path,
        expected,
        found,
    })
}
