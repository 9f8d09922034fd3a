//! Keyed state: what a keyed function keeps for each key.
//!
//! A function names its state in `open` and gets a handle; with the handle and the context of a record it reaches the
//! value of that record's key. The tables belong to the operator, so that it can take a snapshot of all of them.

mod aggregating;
mod backend;
mod context;
mod descriptor;
mod list;
mod lsm;
mod map;
mod reducing;
mod table;
#[cfg(test)]
mod tests;
mod timers;
mod value;

use borsh::BorshSerialize;
use everspan_state::KeyGroup;

pub use aggregating::AggregatingState;
pub(crate) use backend::{KeyedBackend, StateSettings};
pub(crate) use context::Moment;
pub use context::{KeyedContext, KeyedOpenContext, OnTimerContext, TimerService};
pub use descriptor::{AggregatingStateDescriptor, ReducingStateDescriptor, ValueStateDescriptor};
pub use list::ListState;
pub(crate) use lsm::LsmSettings;
pub use map::MapState;
pub use reducing::ReducingState;
pub use timers::TimeDomain;
pub(crate) use timers::Timers;
pub use value::ValueState;

const NOT_MADE: &str = "a state is used that `open` has not made: call get_state there";

/// The hash of a key, by which it is given to a subtask and found in tables.
#[inline(always)]
pub(crate) fn hash_of<K: BorshSerialize>(key: &K) -> u64 {
    everspan_state::hash_key(key)
}

/// A key with what follows from it; worked out once per record.
#[derive(Clone, Debug)]
pub(crate) struct KeyOf<K> {
    /// The key.
    pub key: K,
    /// Its hash.
    pub hash: u64,
    /// Its key group.
    pub group: KeyGroup,
}

impl<K: BorshSerialize> KeyOf<K> {
    /// Works out hash, unless it came with the record, and group of `key`.
    #[inline(always)]
    pub(crate) fn new(key: K, hash: Option<u64>, key_groups: u16) -> Self {
        debug_assert!(
            hash.is_none_or(|hash| hash == hash_of(&key)),
            "the hash is that of the key"
        );
        let hash = hash.unwrap_or_else(|| hash_of(&key));
        Self {
            group: KeyGroup::of_hash(hash, key_groups),
            key,
            hash,
        }
    }
}
