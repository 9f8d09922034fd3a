//! Reading what is on disk of a state, beside its owner.

use lsm_tree::{AbstractTree, AnyTree, Guard, Slice};

use super::merge::Row;
use super::{LsmBackend, NEWEST, into_bytes, prefix_end, read_error};
use crate::StateError;

/// Sees the rows on disk, and none that are on their way. Its state's directory must not be opened anew while there is
/// one: the tree removes files when the last who knows it is gone.
#[derive(Clone)]
pub(crate) struct LsmReader {
    tree: AnyTree,
}

impl LsmBackend {
    pub(crate) fn reader(&self) -> LsmReader {
        LsmReader {
            tree: self.tree.clone(),
        }
    }
}

impl LsmReader {
    /// The value of `key`.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Slice>, StateError> {
        self.tree.get(key, NEWEST).map_err(read_error)
    }

    /// Rows whose keys start with `prefix`, in the order of their keys: those that are on disk now.
    pub(crate) fn rows(&self, prefix: &[u8]) -> impl Iterator<Item = Row> + use<> {
        let range = prefix.to_vec()..prefix_end(prefix);
        self.tree.range(range, NEWEST, None).map(|entry| {
            let (key, value) = entry.into_inner().map_err(read_error)?;
            Ok((into_bytes(key), into_bytes(value)))
        })
    }
}

/// What a key of a tree may be at most, in bytes.
pub(crate) const KEY_BYTES_MAX: usize = u16::MAX as usize;
