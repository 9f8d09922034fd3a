//! Typed keyed state that may be larger than memory: rows in memory as the program has them, in front of an LSM tree.
//!
//! ```text
//!  LsmTable  rows in memory (typed) ── changed since ──► write-out ──► tree on disk ──► snapshot: its files
//!      └───────── a row that is not here ◄── read ───────────────────────┘
//! ```
//!
//! A row is decoded when it is read for the first time and encoded when it is written out: for a snapshot, or because
//! memory is short. In between it is what a [`HeapTable`](crate::heap::HeapTable) has, and as fast. A write-out costs
//! its owner one reference per bucket; encoding and writing happen beside its work. Rows that are on disk may leave
//! memory at any time, others never.
//!
//! Keys in the tree: key group (2 bytes), table (4 bytes), both big-endian, then the key's own bytes.

mod in_memory;
mod map;
mod map_key;
mod place;
mod row;
mod size;
mod table;
mod write_out;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use xxhash_rust::xxh3::xxh3_64;

pub use in_memory::RowsInMemory;
pub use map::LsmMap;
use place::Place;
pub use place::{TableKey, TableValue};
pub use table::LsmTable;
pub use write_out::LsmWriteOut;
use write_out::Unwanted;

use crate::codec::Codec;
use crate::key_group::{KeyGroup, KeyGroupRange};
use crate::lsm::{Compaction, LsmReader};
use crate::recovery::FetchedPart;
use crate::{LsmBackend, LsmOptions, LsmSnapshot, OpenError, StateError};

/// The tables of one owner, which share a tree.
pub struct LsmTables {
    state: LsmBackend,
    range: KeyGroupRange,
    /// By the numbers that stand in keys.
    names: BTreeMap<u32, String>,
    shared: Shared,
    /// Rows of tables that nobody wants any more; removed by the next write-out.
    unwanted: BTreeMap<u32, Unwanted>,
    /// Whether there was nothing on disk when it was opened.
    began_empty: bool,
}

/// What tables and those who write them out have in common.
#[derive(Clone)]
struct Shared {
    reader: LsmReader,
    /// Write-outs are numbered from 1; all up to this one are on disk.
    persisted: Arc<AtomicU32>,
    /// The number of the next one.
    epoch: u32,
}

impl Shared {
    fn persisted(&self) -> u32 {
        self.persisted.load(Ordering::Acquire)
    }
}

/// Two tables of one owner cannot be told apart in keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SameNumber {
    /// One's name.
    pub one: String,
    /// The other's.
    pub other: String,
}

impl LsmTables {
    /// Makes tables in `dir`, which must be absent or empty: nothing that an earlier process left there is taken.
    ///
    /// # Errors
    ///
    /// Whatever makes the directory unfit.
    pub fn create(dir: &Path, range: KeyGroupRange, options: LsmOptions) -> Result<Self, OpenError> {
        Ok(Self::over(LsmBackend::open(dir, options)?, range, true))
    }

    /// Makes tables in `dir`, which must be absent or empty, of parts of a checkpoint that have all key groups of
    /// `range`. Returns also the compaction that goes on beside, if one does.
    ///
    /// # Errors
    ///
    /// Whatever makes the files unfit.
    pub fn restore(
        parts: &[FetchedPart],
        range: KeyGroupRange,
        dir: &Path,
        options: LsmOptions,
    ) -> Result<(Self, Option<Compaction>), OpenError> {
        let restored = LsmBackend::restore(parts, range, dir, options)?;
        Ok((Self::over(restored.state, range, false), restored.compaction))
    }

    fn over(state: LsmBackend, range: KeyGroupRange, began_empty: bool) -> Self {
        Self {
            shared: Shared {
                reader: state.reader(),
                persisted: Arc::default(),
                epoch: 1,
            },
            state,
            range,
            names: BTreeMap::new(),
            unwanted: BTreeMap::new(),
            began_empty,
        }
    }

    /// The table of this name, with what is on disk of it.
    ///
    /// # Errors
    ///
    /// When the name cannot be told apart from that of another table.
    pub fn table<K: TableKey, V: TableValue>(&mut self, name: &str) -> Result<LsmTable<K, V>, SameNumber> {
        let place = self.place(name)?;
        Ok(LsmTable::new(
            place,
            self.range,
            self.shared.clone(),
            self.began_empty,
        ))
    }

    /// The table of maps of this name, with what is on disk of it.
    ///
    /// # Errors
    ///
    /// As [`table`](Self::table).
    pub fn map<K: TableKey, UK: Codec, UV: TableValue>(
        &mut self,
        name: &str,
    ) -> Result<LsmMap<K, UK, UV>, SameNumber> {
        Ok(LsmMap::over(self.table(name)?))
    }

    fn place(&mut self, name: &str) -> Result<Place, SameNumber> {
        let number = number_of(name);
        match self.names.insert(number, name.to_owned()) {
            None => Ok(Place::new(number, name)),
            Some(known) => Err(SameNumber {
                one: known,
                other: name.to_owned(),
            }),
        }
    }

    /// Removes the rows of a table that is not made any more.
    ///
    /// # Errors
    ///
    /// When they cannot be read.
    pub fn remove_table(&mut self, name: &str) -> Result<(), StateError> {
        let number = number_of(name);
        let mut rows: BTreeMap<KeyGroup, Vec<Vec<u8>>> = BTreeMap::new();
        for group in self.range.iter() {
            for row in self.shared.reader.rows(&place::prefix(group, number)) {
                rows.entry(group).or_default().push(row?.0.to_vec());
            }
        }
        if !rows.is_empty() {
            self.unwanted.insert(number, Unwanted(rows));
        }
        Ok(())
    }

    /// Begins a write-out: every table is to be [added](RowsInMemory::add_to), then it is [written](Self::write). About so
    /// many bytes will be.
    ///
    /// # Errors
    ///
    /// When the disk has too little room or the state is poisoned: no table may be added then.
    pub fn begin(&mut self, bytes: u64) -> Result<LsmWriteOut, StateError> {
        self.state.make_ready(bytes)?;
        Ok(LsmWriteOut::new(self.range))
    }

    /// Brings what was added to disk, beside the owner's work. The snapshot is of all tables as they were when they were
    /// added; who wants none drops it.
    pub fn write(&mut self, mut added: LsmWriteOut) -> LsmSnapshot {
        for (number, unwanted) in std::mem::take(&mut self.unwanted) {
            added.add(number, Box::new(unwanted));
        }
        let (epoch, persisted) = (self.shared.epoch, Arc::clone(&self.shared.persisted));
        self.shared.epoch += 1;
        let rows = added.into_rows(Arc::clone(&persisted));
        self.state.write_rows(rows, move |is_written| {
            if is_written {
                persisted.store(epoch, Ordering::Release);
            }
        })
    }

    /// Whether a write-out is under way.
    ///
    /// # Errors
    ///
    /// When one has failed.
    pub fn is_writing(&mut self) -> Result<bool, StateError> {
        self.state.is_writing()
    }

    /// Waits for the write-outs under way.
    ///
    /// # Errors
    ///
    /// When one has failed.
    pub fn wait(&mut self) -> Result<(), StateError> {
        self.state.wait_for_rows()
    }
}

/// What stands for a table in keys.
fn number_of(name: &str) -> u32 {
    let [a, b, c, d, ..] = xxh3_64(name.as_bytes()).to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

impl std::fmt::Display for SameNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { one, other } = self;
        write!(
            f,
            "tables {one:?} and {other:?} cannot be told apart: name one differently"
        )
    }
}

impl std::error::Error for SameNumber {}

#[cfg(test)]
mod tests;
