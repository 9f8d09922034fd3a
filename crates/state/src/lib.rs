//! Keyed state of one partition, as the machine that applies the log sees it.
//!
//! The log is the truth; this state is what the log's records add up to. A backend therefore keeps no
//! log of its own: it stores the position of the last record it contains, and after a crash the caller
//! replays the records behind that position.
//!
//! ```text
//! record n ─► put/delete … ─► commit(n) ─► … ─► flush() = n ─► the log may be trimmed up to n
//! ```
//!
//! This crate must never know who uses it, read a clock or draw a random number.

mod backend;
mod digest;
mod error;
pub mod heap;
mod key_group;
mod lsm;
mod memory;
pub mod store;

pub use backend::{Backend, RESERVED_KEY_BYTE};
pub use error::StateError;
pub use key_group::{KeyGroup, KeyGroupRange};
pub use lsm::{
    Compactor, FreeSpace, LsmBackend, LsmCounters, LsmOptions, LsmShared, LsmSnapshot, OpenError, Owner,
    SnapshotFile,
};
pub use memory::MemoryBackend;
