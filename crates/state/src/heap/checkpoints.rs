//! Tables brought to disk: whole, or only what changed since they were written last.
//!
//! ```text
//! checkpoint 1   base
//! checkpoint 2   base, delta                   the base is linked, not written again
//! checkpoint 3   base, delta, delta            … until the deltas are too many or too long: a new base
//! ```
//!
//! A delta has the rows that were written to since the snapshot before, and some of their neighbours. When that one was
//! not written, or not before this one, a new base is. Whatever happens to a checkpoint, the next one names every file it
//! needs.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use borsh::BorshSerialize;

use super::file::{Rows, TableWriter};
use super::{HeapSnapshot, HeapTable};
use crate::codec::Codec;
use crate::disk::Durability;
use crate::snapshot::{SnapshotFile, SnapshotFiles, SnapshotWriter};
use crate::{StateError, disk};

/// A chain with more deltas than this ends.
const DELTAS_MAX: usize = 64;

/// Writes the tables of one owner, checkpoint by checkpoint. A table keeps its types and its key groups.
pub struct HeapCheckpoints {
    chains: Arc<Mutex<BTreeMap<String, Chain>>>,
    incremental: bool,
    durability: Durability,
}

/// The tables of one owner as they were at one moment, not written yet.
pub struct HeapSnapshots {
    position: u64,
    tables: BTreeMap<String, Box<dyn Table>>,
    chains: Arc<Mutex<BTreeMap<String, Chain>>>,
    incremental: bool,
    durability: Durability,
    began: Instant,
    synchronous: Duration,
}

/// What was written of a table.
struct Chain {
    /// The number of the last snapshot.
    last: u64,
    /// The base and its deltas.
    files: Vec<SnapshotFile>,
}

impl HeapCheckpoints {
    /// What the files are, for a manifest.
    pub const FORMAT: &str = "heap 1";

    /// For tables of which nothing was written. `incremental`: write what changed, at the price of a bit that every write
    /// to them sets; else everything each time.
    #[must_use]
    pub fn new(incremental: bool) -> Self {
        Self {
            chains: Arc::default(),
            incremental,
            durability: Durability::default(),
        }
    }

    /// What its files have to outlive where they are written.
    #[must_use]
    pub fn durability(self, durability: Durability) -> Self {
        Self { durability, ..self }
    }

    /// A snapshot of the tables that are [added](HeapSnapshots::add) to it, at `position`.
    #[must_use]
    pub fn begin(&self, position: u64) -> HeapSnapshots {
        HeapSnapshots {
            position,
            tables: BTreeMap::new(),
            chains: Arc::clone(&self.chains),
            incremental: self.incremental,
            durability: self.durability,
            began: Instant::now(),
            synchronous: Duration::ZERO,
        }
    }
}

impl HeapSnapshots {
    /// Adds a table as it is now; its name is that under which it is read back, unique among those of its owner.
    pub fn add<K, V>(&mut self, name: &str, table: &mut HeapTable<K, V>)
    where
        K: Codec + BorshSerialize + Eq + Clone + Send + Sync + 'static,
        V: Codec + Clone + Send + Sync + 'static,
    {
        let snapshot = if self.incremental {
            table.snapshot_of_changes()
        } else {
            table.snapshot()
        };
        let before = self.tables.insert(name.to_owned(), Box::new(snapshot));
        assert!(before.is_none(), "table {name:?} is in a snapshot once");
        self.synchronous = self.began.elapsed();
    }
}

impl SnapshotWriter for HeapSnapshots {
    fn write(self, dir: &Path) -> Result<SnapshotFiles, StateError> {
        let began = Instant::now();
        let failed = |error: &io::Error| StateError::Snapshot {
            path: dir.to_path_buf(),
            reason: error.to_string(),
        };
        if dir.exists() {
            return Err(failed(&io::Error::other("the directory exists already")));
        }
        let (position, durability, synchronous) = (self.position, self.durability, self.synchronous);
        let files = self.write_tables(dir).map_err(|error| {
            // What is left of it means nothing.
            drop(disk::remove_dir(dir));
            failed(&error)
        })?;
        Ok(SnapshotFiles {
            position,
            format: HeapCheckpoints::FORMAT,
            files,
            durability,
            synchronous,
            asynchronous: began.elapsed(),
        })
    }
}

impl HeapSnapshots {
    fn write_tables(self, dir: &Path) -> io::Result<Vec<SnapshotFile>> {
        let durability = self.durability;
        durability.create_dir(dir).map_err(disk::at(dir))?;
        // Those who write at the same time do it one after the other.
        let mut chains = self.chains.lock().unwrap_or_else(PoisonError::into_inner);
        let mut earlier = std::mem::take(&mut *chains);
        let mut out = Directory {
            dir,
            durability,
            files: Vec::new(),
        };
        for (name, mut table) in self.tables {
            let from = out.files.len();
            match earlier.remove(&name) {
                Some(chain) if chain.goes_on_with(&*table) && out.link(&chain.files) => {
                    out.delta(&name, &mut *table)?;
                }
                _ => out.base(&name, &mut *table)?,
            }
            if self.incremental {
                let (last, files) = (table.number(), out.files[from..].to_vec());
                chains.insert(name, Chain { last, files });
            }
        }
        durability.sync_dir(dir).map_err(disk::at(dir))?;
        Ok(out.files)
    }
}

impl Chain {
    fn goes_on_with(&self, next: &dyn Table) -> bool {
        if !next.knows_changes() || next.number() != self.last + 1 {
            return false;
        }
        let bytes = |file: &SnapshotFile| file.name.length;
        let Some((base, deltas)) = self.files.split_first() else {
            return false;
        };
        deltas.len() < DELTAS_MAX && deltas.iter().map(bytes).sum::<u64>() <= bytes(base) / 2
    }
}

/// The directory of a snapshot, while it is filled.
struct Directory<'a> {
    dir: &'a Path,
    durability: Durability,
    files: Vec<SnapshotFile>,
}

impl Directory<'_> {
    /// Takes files of an earlier snapshot over, all or none: one of them may not be there any more.
    fn link(&mut self, files: &[SnapshotFile]) -> bool {
        let from = self.files.len();
        for file in files {
            let (label, path) = self.next();
            if disk::link_or_copy(&file.path, &path).is_err() {
                for linked in self.files.drain(from..) {
                    drop(std::fs::remove_file(linked.path));
                }
                return false;
            }
            let name = file.name;
            self.files.push(SnapshotFile { label, name, path });
        }
        true
    }

    fn base(&mut self, name: &str, table: &mut dyn Table) -> io::Result<()> {
        let (label, path) = self.next();
        let mut writer = TableWriter::create(&path, name).map_err(disk::at(&path))?;
        table.write_rows(&mut writer).map_err(disk::at(&path))?;
        let name = writer.finish(self.durability).map_err(disk::at(&path))?;
        self.files.push(SnapshotFile { label, name, path });
        Ok(())
    }

    /// Nothing when nothing changed.
    fn delta(&mut self, name: &str, table: &mut dyn Table) -> io::Result<()> {
        let (label, path) = self.next();
        let mut writer = TableWriter::create(&path, name).map_err(disk::at(&path))?;
        table.write_changes(&mut writer).map_err(disk::at(&path))?;
        if writer.is_empty() {
            return std::fs::remove_file(&path).map_err(disk::at(&path));
        }
        let name = writer.finish(self.durability).map_err(disk::at(&path))?;
        self.files.push(SnapshotFile { label, name, path });
        Ok(())
    }

    /// Labels say the order in which a restore reads the files.
    fn next(&self) -> (String, PathBuf) {
        let label = format!("{:04}", self.files.len());
        let path = self.dir.join(&label);
        (label, path)
    }
}

/// A snapshot of a table, whatever its types. What was written of it is let go.
trait Table: Send {
    /// See [`HeapSnapshot::number`].
    fn number(&self) -> u64;

    /// See [`HeapSnapshot::knows_changes`].
    fn knows_changes(&self) -> bool;

    /// Writes all rows.
    fn write_rows(&mut self, out: &mut TableWriter) -> io::Result<()>;

    /// Writes what changed since the snapshot before.
    fn write_changes(&mut self, out: &mut TableWriter) -> io::Result<()>;
}

impl<K, V> Table for HeapSnapshot<K, V>
where
    K: Codec + BorshSerialize + Eq + Clone + Send + Sync + 'static,
    V: Codec + Clone + Send + Sync + 'static,
{
    fn number(&self) -> u64 {
        self.number()
    }

    fn knows_changes(&self) -> bool {
        self.knows_changes()
    }

    fn write_rows(&mut self, out: &mut TableWriter) -> io::Result<()> {
        let mut rows = Rows::default();
        for group in self.range().iter() {
            rows.clear();
            for (key, value) in self.rows(group) {
                rows.put(|out| key.encode(out), |out| value.encode(out));
            }
            self.release(group);
            out.group(group, &rows)?;
        }
        Ok(())
    }

    fn write_changes(&mut self, out: &mut TableWriter) -> io::Result<()> {
        let mut rows = Rows::default();
        for group in self.range().iter() {
            rows.clear();
            for key in self.removed_keys(group) {
                rows.remove(|out| key.encode(out));
            }
            for (key, value) in self.changed_rows(group) {
                rows.put(|out| key.encode(out), |out| value.encode(out));
            }
            self.release(group);
            out.group(group, &rows)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
