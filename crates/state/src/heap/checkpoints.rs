//! Tables brought to disk: whole, or only what changed since they were written last.
//!
//! ```text
//! checkpoint 1   base
//! checkpoint 2   base, delta                   the base is linked, not written again
//! checkpoint 3   base, delta, delta            … until the deltas are too many or too long: a new base
//! ```
//!
//! A delta is found by comparing with what was written last, which is therefore kept: a row that was changed since
//! is in memory twice. Whatever happens to a checkpoint, the next one names every file it needs.

use std::any::Any;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use borsh::BorshSerialize;

use super::HeapSnapshot;
use super::file::{Rows, TableWriter};
use crate::codec::Codec;
use crate::snapshot::{SnapshotFile, SnapshotFiles, SnapshotWriter};
use crate::{StateError, disk};

/// A chain with more deltas than this ends.
const DELTAS_MAX: usize = 64;

/// Writes the tables of one owner, checkpoint by checkpoint. A table keeps its types and its key groups.
pub struct HeapCheckpoints {
    chains: Arc<Mutex<BTreeMap<String, Chain>>>,
    incremental: bool,
}

/// The tables of one owner as they were at one moment, not written yet.
pub struct HeapSnapshots {
    position: u64,
    tables: BTreeMap<String, Box<dyn Table>>,
    chains: Arc<Mutex<BTreeMap<String, Chain>>>,
    incremental: bool,
    began: Instant,
    synchronous: Duration,
}

/// What was written of a table.
struct Chain {
    last: Box<dyn Table>,
    /// The base and its deltas.
    files: Vec<SnapshotFile>,
}

impl HeapCheckpoints {
    /// What the files are, for a manifest.
    pub const FORMAT: &str = "heap 1";

    /// For tables of which nothing was written. `incremental`: write what changed, at the price of keeping what was
    /// written; else everything each time.
    #[must_use]
    pub fn new(incremental: bool) -> Self {
        Self {
            chains: Arc::default(),
            incremental,
        }
    }

    /// A snapshot of the tables that are [added](HeapSnapshots::add) to it, at `position`.
    #[must_use]
    pub fn begin(&self, position: u64) -> HeapSnapshots {
        HeapSnapshots {
            position,
            tables: BTreeMap::new(),
            chains: Arc::clone(&self.chains),
            incremental: self.incremental,
            began: Instant::now(),
            synchronous: Duration::ZERO,
        }
    }
}

impl HeapSnapshots {
    /// Adds a table; its name is that under which it is read back, unique among those of its owner.
    pub fn add<K, V>(&mut self, name: &str, table: HeapSnapshot<K, V>)
    where
        K: Codec + BorshSerialize + Eq + Clone + Send + Sync + 'static,
        V: Codec + Clone + Send + Sync + 'static,
    {
        let before = self.tables.insert(name.to_owned(), Box::new(table));
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
        let (position, synchronous) = (self.position, self.synchronous);
        let files = self.write_tables(dir).map_err(|error| {
            // What is left of it means nothing.
            drop(disk::remove_dir(dir));
            failed(&error)
        })?;
        Ok(SnapshotFiles {
            position,
            format: HeapCheckpoints::FORMAT,
            files,
            synchronous,
            asynchronous: began.elapsed(),
        })
    }
}

impl HeapSnapshots {
    fn write_tables(self, dir: &Path) -> io::Result<Vec<SnapshotFile>> {
        disk::create_dir_durably(dir).map_err(disk::at(dir))?;
        // Those who write at the same time do it one after the other.
        let mut chains = self.chains.lock().unwrap_or_else(PoisonError::into_inner);
        let mut earlier = std::mem::take(&mut *chains);
        let mut out = Directory {
            dir,
            files: Vec::new(),
        };
        for (name, table) in self.tables {
            let from = out.files.len();
            match earlier.remove(&name) {
                Some(chain) if chain.goes_on() && out.link(&chain.files) => {
                    out.delta(&name, &*table, &*chain.last)?;
                }
                _ => out.base(&name, &*table)?,
            }
            if self.incremental {
                let files = out.files[from..].to_vec();
                chains.insert(name, Chain { last: table, files });
            }
        }
        disk::sync_dir(dir).map_err(disk::at(dir))?;
        Ok(out.files)
    }
}

impl Chain {
    fn goes_on(&self) -> bool {
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

    fn base(&mut self, name: &str, table: &dyn Table) -> io::Result<()> {
        let (label, path) = self.next();
        let mut writer = TableWriter::create(&path, name).map_err(disk::at(&path))?;
        table.write(None, &mut writer).map_err(disk::at(&path))?;
        let name = writer.finish().map_err(disk::at(&path))?;
        self.files.push(SnapshotFile { label, name, path });
        Ok(())
    }

    /// Nothing when nothing changed.
    fn delta(&mut self, name: &str, table: &dyn Table, earlier: &dyn Table) -> io::Result<()> {
        let (label, path) = self.next();
        let mut writer = TableWriter::create(&path, name).map_err(disk::at(&path))?;
        table.write(Some(earlier), &mut writer).map_err(disk::at(&path))?;
        if writer.is_empty() {
            return std::fs::remove_file(&path).map_err(disk::at(&path));
        }
        let name = writer.finish().map_err(disk::at(&path))?;
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

/// A snapshot of a table, whatever its types.
trait Table: Send {
    /// Writes its rows; with an `earlier` snapshot of the same table, those that are different.
    fn write(&self, earlier: Option<&dyn Table>, out: &mut TableWriter) -> io::Result<()>;

    fn as_any(&self) -> &dyn Any;
}

impl<K, V> Table for HeapSnapshot<K, V>
where
    K: Codec + BorshSerialize + Eq + Clone + Send + Sync + 'static,
    V: Codec + Clone + Send + Sync + 'static,
{
    fn write(&self, earlier: Option<&dyn Table>, out: &mut TableWriter) -> io::Result<()> {
        let earlier = earlier.map(|earlier| {
            let same = earlier.as_any().downcast_ref::<Self>();
            same.expect("a table keeps its types as long as its owner lives")
        });
        let mut rows = Rows::default();
        for group in self.range().iter() {
            rows.clear();
            match earlier {
                Some(earlier) if self.is_unchanged(group, earlier) => continue,
                Some(earlier) => self.changes(group, earlier, &mut rows),
                None => self
                    .rows(group)
                    .for_each(|(key, value)| rows.put(|out| key.encode(out), |out| value.encode(out))),
            }
            out.group(group, &rows)?;
        }
        Ok(())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl<K, V> HeapSnapshot<K, V>
where
    K: Codec + BorshSerialize + Eq + Clone,
    V: Codec + Clone,
{
    /// The rows of a group that were put, changed or removed since `earlier`.
    fn changes(&self, group: crate::KeyGroup, earlier: &Self, out: &mut Rows) {
        let (mut now, mut before) = (Vec::new(), Vec::new());
        let mut known_rows = 0;
        for (key, value) in self.rows_not_in(group, earlier) {
            now.clear();
            before.clear();
            value.encode(&mut now);
            let known = earlier.get(group, key);
            if let Some(known) = known {
                known.encode(&mut before);
                known_rows += 1;
            }
            if known.is_none() || now != before {
                out.put(|out| key.encode(out), |out| out.extend_from_slice(&now));
            }
        }
        // A key is in the same places of both, so none is gone when all are known.
        if known_rows == earlier.rows_not_in(group, self).count() {
            return;
        }
        for (key, _) in earlier.rows_not_in(group, self) {
            if self.get(group, key).is_none() {
                out.remove(|out| key.encode(out));
            }
        }
    }
}

#[cfg(test)]
mod tests;
