//! What may be a record, a key, or state.

use std::hash::Hash;

use borsh::{BorshDeserialize, BorshSerialize};

/// A record that passes from one task to another. It is moved, not encoded, except into an unaligned checkpoint.
/// Every type with Borsh's two traits is one.
pub trait Data: BorshSerialize + BorshDeserialize + Send + 'static {}

impl<T: BorshSerialize + BorshDeserialize + Send + 'static> Data for T {}

/// A key of a keyed stream. Which subtask has its records and its state follows from its bytes in Borsh: keys that are
/// equal must have equal ones.
pub trait Key: Data + Hash + Eq + Clone + Sync {}

impl<T: Data + Hash + Eq + Clone + Sync> Key for T {}

/// A value in keyed state. Cloning happens when a snapshot is being written while the value changes.
pub trait StateValue: Data + Clone + Sync {}

impl<T: Data + Clone + Sync> StateValue for T {}
