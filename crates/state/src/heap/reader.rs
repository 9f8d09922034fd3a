//! Tables read back from the files of a checkpoint.

use std::collections::BTreeSet;
use std::num::NonZero;

use borsh::BorshSerialize;

use super::file::TableReader;
use super::{HeapCheckpoints, HeapError, HeapTable};
use crate::codec::{Codec, CodecError};
use crate::key_group::{KeyGroup, KeyGroupRange};
use crate::recovery::FetchedPart;

/// So many bytes are worth a thread.
const THREAD_BYTES: u64 = 16 << 20;
/// The most threads that read a table.
const THREADS_MAX: usize = 8;

/// The tables of some parts of a checkpoint, whose key groups do not overlap.
pub struct HeapReader {
    /// In the order in which they are to be read.
    files: Vec<(KeyGroupRange, TableReader)>,
}

impl HeapReader {
    /// Looks at the files; reads no row.
    ///
    /// # Errors
    ///
    /// When one cannot be read, or was written by another backend.
    pub fn open(parts: &[FetchedPart]) -> Result<Self, HeapError> {
        let mut files = Vec::new();
        for part in parts {
            if part.format != HeapCheckpoints::FORMAT {
                return Err(HeapError::OtherFormat {
                    found: part.format.clone(),
                    expected: HeapCheckpoints::FORMAT,
                });
            }
            for file in part.files() {
                files.push((part.range, TableReader::open(&file.path)?));
            }
        }
        Ok(Self { files })
    }

    /// The names of the tables.
    pub fn tables(&self) -> BTreeSet<&str> {
        self.files.iter().map(|(_, file)| file.name()).collect()
    }

    /// The rows of a table in the key groups of `range`: none if nothing was written of it. Large tables are read by
    /// several threads, each with key groups of its own.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or holds another type.
    pub fn load<K, V>(&self, table: &str, range: KeyGroupRange) -> Result<HeapTable<K, V>, HeapError>
    where
        K: Codec + BorshSerialize + Eq + Clone + Send + Sync,
        V: Codec + Clone + Send + Sync,
    {
        let bytes: u64 = self.files_of(table, range).map(|(of, file)| file.bytes(of)).sum();
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let threads = usize::try_from(bytes / THREAD_BYTES).unwrap_or(usize::MAX);
        self.load_with(table, range, threads.clamp(1, cores.min(THREADS_MAX)))
    }

    fn load_with<K, V>(
        &self,
        table: &str,
        range: KeyGroupRange,
        threads: usize,
    ) -> Result<HeapTable<K, V>, HeapError>
    where
        K: Codec + BorshSerialize + Eq + Clone + Send + Sync,
        V: Codec + Clone + Send + Sync,
    {
        let mut shares = shares(range, threads).into_iter();
        let first = shares.next().expect("a range has a group");
        std::thread::scope(|scope| {
            let load = |share| scope.spawn(move || self.load_share(table, share));
            let others: Vec<_> = shares.map(load).collect();
            let mut loaded = self.load_share(table, first);
            for other in others {
                let share = other
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                loaded = loaded.and_then(|mut loaded| {
                    loaded.append(share?);
                    Ok(loaded)
                });
            }
            loaded
        })
    }

    /// The rows of some key groups, by one thread.
    fn load_share<K, V>(&self, table: &str, share: KeyGroupRange) -> Result<HeapTable<K, V>, HeapError>
    where
        K: Codec + BorshSerialize + Eq + Clone,
        V: Codec + Clone,
    {
        let mut loaded = HeapTable::new(share);
        for (common, file) in self.files_of(table, share) {
            for group in common.iter() {
                loaded.reserve(group, file.rows(group));
                file.read_group(group, |row| {
                    take_row(&mut loaded, group, row).map_err(|error| HeapError::OtherType {
                        table: table.to_owned(),
                        reason: format!("{}: {error}", file.path().display()),
                    })
                })?;
            }
        }
        Ok(loaded)
    }

    /// The files of a table, each with those groups of `range` that it is good for.
    fn files_of(
        &self,
        table: &str,
        range: KeyGroupRange,
    ) -> impl Iterator<Item = (KeyGroupRange, &TableReader)> {
        let files = self.files.iter().filter(move |(_, file)| file.name() == table);
        files.filter_map(move |(of, file)| Some((of.intersection(range)?, file)))
    }
}

/// A range in as many pieces of nearly the same size, at most one for each group.
fn shares(range: KeyGroupRange, pieces: usize) -> Vec<KeyGroupRange> {
    let groups: Vec<KeyGroup> = range.iter().collect();
    let each = groups.len().div_ceil(pieces.max(1));
    let share = |groups: &[KeyGroup]| KeyGroupRange::new(groups[0], groups[groups.len() - 1]);
    groups.chunks(each).map(share).collect()
}

fn take_row<K, V>(
    table: &mut HeapTable<K, V>,
    group: KeyGroup,
    (key, value): (&[u8], Option<&[u8]>),
) -> Result<(), CodecError>
where
    K: Codec + BorshSerialize + Eq + Clone,
    V: Codec + Clone,
{
    let key = K::decode(key)?;
    match value {
        Some(value) => table.insert(group, key, V::decode(value)?),
        None => drop(table.remove(group, &key)),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::SnapshotWriter;

    /// Tables of so many groups, written with a base and a delta, and read by these threads.
    fn check(groups: u16, threads: usize) {
        let range = KeyGroupRange::of_owner(0, 1, groups);
        let (mut table, checkpoints) = (HeapTable::new(range), HeapCheckpoints::new(true));
        let dir = tempfile::tempdir().unwrap();
        let group_of = |key: u64| KeyGroup(u16::try_from(key % u64::from(groups)).unwrap());
        let mut written = None;
        for position in 1..=2 {
            for key in 0..1000u64 / position {
                table.insert(group_of(key), key, key * position);
            }
            table.remove(group_of(7 * position), &(7 * position));
            let mut snapshot = checkpoints.begin(position);
            snapshot.add("t", &mut table);
            written = Some(snapshot.write(&dir.path().join(position.to_string())).unwrap());
        }
        let files = written.unwrap();
        assert_eq!(files.files.len(), 2, "a base and a delta");
        let part = FetchedPart::of_snapshot(&files, range).unwrap();
        let reader = HeapReader::open(&[part]).unwrap();
        let read: HeapTable<u64, u64> = reader.load_with("t", range, threads).unwrap();
        assert_eq!((read.range(), read.len()), (range, table.len()));
        for (key, value) in range.iter().flat_map(|group| table.rows(group)) {
            assert_eq!(
                read.get(group_of(*key), key),
                Some(value),
                "{groups} {threads} {key}"
            );
        }
        let wrong = reader.load_with::<u64, String>("t", range, threads);
        assert!(matches!(wrong, Err(HeapError::OtherType { .. })));
    }

    #[test]
    fn however_many_threads_read_a_table_it_is_the_same() {
        for (groups, threads) in [(1, 1), (1, 4), (5, 2), (8, 3), (128, 8)] {
            check(groups, threads);
        }
    }

    #[test]
    fn shares_are_a_range_without_gaps() {
        for (groups, pieces) in [(1, 3), (4, 4), (10, 4), (128, 7), (3, 1)] {
            let range = KeyGroupRange::of_owner(0, 1, groups);
            let shares = shares(range, pieces);
            assert!(shares.len() <= pieces);
            let all: Vec<KeyGroup> = shares.iter().flat_map(|share| share.iter()).collect();
            assert_eq!(all, range.iter().collect::<Vec<_>>(), "{groups} {pieces}");
        }
    }
}
