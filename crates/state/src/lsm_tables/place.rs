//! The keys of a table in the tree.

use std::hash::Hash;

use borsh::BorshSerialize;

use crate::codec::Codec;
use crate::key_group::KeyGroup;
use crate::lsm::KEY_BYTES_MAX;
use crate::{CodecError, StateError};

/// Bytes before a key's own.
pub(super) const PREFIX_BYTES: usize = 6;

/// What may be a key of a table.
pub trait TableKey: Codec + BorshSerialize + Hash + Eq + Clone + Send + Sync + 'static {}

impl<K: Codec + BorshSerialize + Hash + Eq + Clone + Send + Sync + 'static> TableKey for K {}

/// What may be a value of a table.
pub trait TableValue: Codec + Clone + Send + Sync + 'static {}

impl<V: Codec + Clone + Send + Sync + 'static> TableValue for V {}

/// Where the rows of a table are in the tree.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) number: u32,
    /// For errors.
    name: std::sync::Arc<str>,
}

/// What the keys of a table in one key group begin with.
pub(super) fn prefix(group: KeyGroup, number: u32) -> [u8; PREFIX_BYTES] {
    let ([a, b], [c, d, e, f]) = (group.0.to_be_bytes(), number.to_be_bytes());
    [a, b, c, d, e, f]
}

impl Place {
    pub(super) fn new(number: u32, name: &str) -> Self {
        Self {
            number,
            name: name.into(),
        }
    }

    /// Sets `out` to the whole key of a row.
    pub(super) fn key<K: Codec>(
        &self,
        group: KeyGroup,
        key: &K,
        out: &mut Vec<u8>,
    ) -> Result<(), StateError> {
        out.clear();
        out.extend_from_slice(&prefix(group, self.number));
        key.encode(out);
        self.check(out)
    }

    /// Refuses a key that the tree does not take.
    pub(super) fn check(&self, key: &[u8]) -> Result<(), StateError> {
        if key.len() <= KEY_BYTES_MAX {
            return Ok(());
        }
        Err(StateError::KeyTooLong {
            table: self.name.to_string(),
            bytes: key.len() - PREFIX_BYTES,
            bytes_max: KEY_BYTES_MAX - PREFIX_BYTES,
        })
    }

    /// The key that stands behind the prefix.
    pub(super) fn decode_key<K: Codec>(&self, key: &[u8]) -> Result<K, StateError> {
        K::decode(&key[PREFIX_BYTES..]).map_err(|error| self.other_type(&error))
    }

    pub(super) fn decode<V: Codec>(&self, value: &[u8]) -> Result<V, StateError> {
        V::decode(value).map_err(|error| self.other_type(&error))
    }

    fn other_type(&self, error: &CodecError) -> StateError {
        StateError::OtherType {
            table: self.name.to_string(),
            reason: error.to_string(),
        }
    }
}
