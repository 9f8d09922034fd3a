//! Tables read back from the files of a checkpoint.

use std::collections::BTreeSet;

use borsh::BorshSerialize;

use super::file::TableReader;
use super::{HeapCheckpoints, HeapError, HeapTable};
use crate::codec::{Codec, CodecError};
use crate::key_group::{KeyGroup, KeyGroupRange};
use crate::recovery::FetchedPart;

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

    /// The rows of a table in the key groups of `range`: none if nothing was written of it.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or holds another type.
    pub fn load<K, V>(&self, table: &str, range: KeyGroupRange) -> Result<HeapTable<K, V>, HeapError>
    where
        K: Codec + BorshSerialize + Eq + Clone,
        V: Codec + Clone,
    {
        let mut loaded = HeapTable::new(range);
        for (of, file) in self.files.iter().filter(|(_, file)| file.name() == table) {
            let Some(common) = of.intersection(range) else {
                continue;
            };
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
