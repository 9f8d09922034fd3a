//! State of a keyed operator on disk: one tree for all its tables, and how much of it is in memory.
//!
//! ```text
//!  0 ──────────────── ¾ of the budget ────────── budget ──────────►  rows in memory
//!        nothing           changed rows go to       rows on disk leave memory; when too few
//!                          disk beside the work     are there, the operator waits for them
//! ```
//!
//! Rows that change slowly go to disk before a checkpoint asks for them, a few MiB at a time: less is left for it to wait
//! for. Where many change, most would change again before the checkpoint comes, and nothing is written ahead.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use everspan_state::{
    Compacting, Compaction, Durability, FetchedPart, KeyGroupRange, LsmOptions, LsmShared, LsmSnapshot,
    LsmTables, Owner, RowsInMemory, StateError,
};

use crate::failure::Result;

/// Tables of the newest level that are merged: few rewrites want many.
const L0_TABLES_MAX: u8 = 16;
/// So many bytes of changes go to disk ahead of a checkpoint…
const AHEAD_BYTES: u64 = 4 << 20;
/// … if it took them so long to come up, and not twice as many came.
const AHEAD_AFTER: Duration = Duration::from_millis(500);

/// What all operators of a run share.
#[derive(Clone)]
pub(crate) struct LsmSettings {
    pub(crate) shared: LsmShared,
    /// A directory of the run alone.
    pub(crate) dir: PathBuf,
    /// For rows in memory, of all operators of all subtasks together.
    pub(crate) memory_bytes: usize,
    /// How many keyed operators all subtasks have.
    pub(crate) operators: Arc<AtomicUsize>,
}

/// See the module.
pub(crate) struct LsmState {
    settings: LsmSettings,
    number: usize,
    /// Made when the operator opens.
    tables: Option<LsmTables>,
    budget_bytes: usize,
    /// Since when changes have come up that are not on disk, nor on their way.
    changes_since: Instant,
}

impl LsmState {
    pub(crate) fn new(settings: LsmSettings) -> Self {
        let number = settings.operators.fetch_add(1, Ordering::Relaxed);
        Self {
            settings,
            number,
            tables: None,
            budget_bytes: 0,
            changes_since: Instant::now(),
        }
    }

    /// Makes the tree, of parts of a checkpoint if there are any. Returns the compaction that goes on beside, if one does.
    pub(crate) fn open(&mut self, range: KeyGroupRange, parts: &[FetchedPart]) -> Result<Option<Compaction>> {
        // All operators are made before the first one opens.
        let operators = self.settings.operators.load(Ordering::Relaxed);
        self.budget_bytes = self.settings.memory_bytes / operators.max(1);
        let dir = self.settings.dir.join(self.number.to_string());
        let owner = Owner {
            partition: u32::try_from(self.number)?,
            partitions: u32::try_from(operators)?,
            cluster: "keyed state of a running job".to_owned(),
        };
        let options = LsmOptions {
            compacting: Compacting::FewRewrites,
            l0_tables_max: L0_TABLES_MAX,
            // A new run makes a tree of its own.
            durability: Durability::Scratch,
            ..LsmOptions::new(self.settings.shared.clone(), owner)
        };
        let (tables, compaction) = if parts.is_empty() {
            (LsmTables::create(&dir, range, options)?, None)
        } else {
            LsmTables::restore(parts, range, &dir, options)?
        };
        self.tables = Some(tables);
        Ok(compaction)
    }

    /// To make tables.
    pub(crate) fn tables(&mut self) -> Result<&mut LsmTables> {
        let tables = self.tables.as_mut();
        tables.ok_or_else(|| "a state is made before its operator opens".into())
    }

    /// All `tables` as they are now, on their way to disk.
    pub(crate) fn snapshot(
        &mut self,
        tables: &mut [&mut dyn RowsInMemory],
    ) -> Result<LsmSnapshot, StateError> {
        self.changes_since = Instant::now();
        let state = self.tables.as_mut().expect("a barrier comes to an open operator");
        let mut out = state.begin(changed_bytes(tables))?;
        tables.iter_mut().for_each(|table| table.add_to(&mut out));
        Ok(state.write(out))
    }

    /// Keeps the rows in memory within their budget. Called often: costs next to nothing while there is room.
    pub(crate) fn keep_within(&mut self, tables: &mut [&mut dyn RowsInMemory]) -> Result<(), StateError> {
        let Some(state) = &mut self.tables else {
            return Ok(());
        };
        let is_writing = state.is_writing()?;
        tables.iter_mut().for_each(|table| table.sample());
        if !is_writing && self.is_to_write_ahead(tables) {
            self.write_ahead(tables)?;
        }
        let budget = self.budget_bytes;
        if memory_bytes(tables) <= budget / 4 * 3 {
            return Ok(());
        }
        if !is_writing && changed_bytes(tables) > budget as u64 / 4 {
            drop(self.snapshot(tables)?);
        }
        self.evict(tables, budget);
        if memory_bytes(tables) <= budget {
            return Ok(());
        }
        // What cannot leave memory has not reached the disk yet.
        drop(self.snapshot(tables)?);
        self.tables().expect("it was there just now").wait()?;
        self.evict(tables, budget);
        Ok(())
    }

    /// Whether enough has changed, and not too much of it at a time.
    fn is_to_write_ahead(&self, tables: &[&mut dyn RowsInMemory]) -> bool {
        let is_some = (AHEAD_BYTES..=2 * AHEAD_BYTES).contains(&changed_bytes(tables));
        is_some && self.changes_since.elapsed() >= AHEAD_AFTER
    }

    fn write_ahead(&mut self, tables: &mut [&mut dyn RowsInMemory]) -> Result<(), StateError> {
        match self.snapshot(tables) {
            // The next checkpoint has to have room, and tells it if there is none.
            Err(StateError::DiskFull { .. } | StateError::FreeSpaceUnknown { .. }) => Ok(()),
            written => written.map(drop),
        }
    }

    /// Makes room when more than `budget` is used: a little more than needed, so that it is not needed again at once.
    fn evict(&self, tables: &mut [&mut dyn RowsInMemory], budget: usize) {
        let mut left = match memory_bytes(tables).checked_sub(budget) {
            None | Some(0) => return,
            Some(over) => over + budget / 8,
        };
        for table in tables {
            left = left.saturating_sub(table.evict(left));
        }
    }
}

fn memory_bytes(tables: &[&mut dyn RowsInMemory]) -> usize {
    tables.iter().map(|table| table.memory_bytes()).sum()
}

fn changed_bytes(tables: &[&mut dyn RowsInMemory]) -> u64 {
    tables.iter().map(|table| table.changed_bytes() as u64).sum()
}
