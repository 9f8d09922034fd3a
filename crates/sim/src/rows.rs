//! A partition's state as files, one for each table, so that a table that did not change is the same file again.

use std::collections::BTreeMap;

use bytes::Bytes;
use everspan_state::{Backend, MemoryBackend};

/// A snapshot of a state.
pub(crate) struct Rows {
    /// The last record in it.
    pub(crate) position: u64,
    /// What each file holds, by its label.
    pub(crate) files: BTreeMap<String, Bytes>,
}

type Row = (Vec<u8>, Vec<u8>);

impl Rows {
    pub(crate) fn of(state: &MemoryBackend) -> Self {
        let mut tables: BTreeMap<u8, Vec<Row>> = BTreeMap::new();
        for (key, value) in state.scan(&[], None, usize::MAX).expect("memory can be read") {
            tables
                .entry(key[0])
                .or_default()
                .push((key.to_vec(), value.to_vec()));
        }
        let encoded = |rows: &Vec<Row>| borsh::to_vec(rows).expect("writing to memory cannot fail");
        let files = tables.iter();
        Self {
            position: state.applied(),
            files: files
                .map(|(&table, rows)| (char::from(table).to_string(), encoded(rows).into()))
                .collect(),
        }
    }

    /// The state again, on disk.
    pub(crate) fn state(position: u64, files: &[Bytes]) -> MemoryBackend {
        let mut state = MemoryBackend::new();
        for file in files {
            let rows: Vec<Row> = borsh::from_slice(file).expect("a file holds rows");
            for (key, value) in rows {
                state.put(&key, &value);
            }
        }
        if position > 0 {
            state.commit(position);
            state.flush().expect("memory");
        }
        state
    }
}
