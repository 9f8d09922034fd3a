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
//! This crate must never know who uses it or draw a random number. It reads a clock only to measure how long a
//! snapshot or a restore took, and decides nothing by it.

mod backend;
mod carry;
mod codec;
mod digest;
mod disk;
mod error;
pub mod heap;
mod key_group;
mod key_hash;
mod local;
mod lsm;
mod lsm_tables;
mod memory;
mod recovery;
mod snapshot;
pub mod store;

pub use backend::{Backend, RESERVED_KEY_BYTE};
pub use codec::{Codec, CodecError};
pub use disk::Durability;
pub use error::StateError;
pub use key_group::{KeyGroup, KeyGroupRange};
pub use key_hash::hash_key;
pub use local::LocalCopies;
pub use lsm::{
    Compacting, Compaction, Compactor, FreeSpace, LsmBackend, LsmCounters, LsmOptions, LsmRestored,
    LsmShared, LsmSnapshot, OpenError, Owner,
};
pub use lsm_tables::{
    LsmMap, LsmTable, LsmTables, LsmWriteOut, RowsInMemory, SameNumber, TableKey, TableValue,
};
pub use memory::MemoryBackend;
pub use recovery::{
    FetchError, Fetched, FetchedFile, FetchedPart, Found, Owned, Problem, Progress, Recovery, RestoredBytes,
};
pub use snapshot::{SnapshotFile, SnapshotFiles, SnapshotWriter, Snapshots};
