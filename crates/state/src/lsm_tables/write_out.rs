//! What changed in the tables of an owner, on its way to disk.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::StateError;
use crate::key_group::{KeyGroup, KeyGroupRange};
use crate::lsm::{RowSink, Rows};

/// The changes of some tables since they were written out last.
pub struct LsmWriteOut {
    range: KeyGroupRange,
    tables: BTreeMap<u32, Box<dyn Changes>>,
}

/// The changes of a table, whatever its types.
pub(super) trait Changes: Send {
    /// Tells the rows of a group that were changed after the write-out `persisted`, in any order.
    fn of_group(&self, group: KeyGroup, persisted: u32, out: &mut Batch) -> Result<(), StateError>;
}

impl LsmWriteOut {
    pub(super) fn new(range: KeyGroupRange) -> Self {
        Self {
            range,
            tables: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, number: u32, changes: Box<dyn Changes>) {
        let before = self.tables.insert(number, changes);
        assert!(before.is_none(), "a table is in a write-out once");
    }

    /// Every row, in the order of keys, to be told in the thread that writes it, when all earlier write-outs are done.
    pub(super) fn into_rows(self, persisted: Arc<AtomicU32>) -> Option<Rows> {
        if self.tables.is_empty() {
            return None;
        }
        Some(Box::new(move |sink| {
            let persisted = persisted.load(Ordering::Acquire);
            let mut batch = Batch::default();
            for group in self.range.iter() {
                for changes in self.tables.values() {
                    batch.clear();
                    changes.of_group(group, persisted, &mut batch)?;
                    batch.tell(sink)?;
                }
            }
            Ok(())
        }))
    }
}

/// Encoded rows of one table in one group.
#[derive(Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    rows: Vec<Encoded>,
}

struct Encoded {
    key: Range<usize>,
    /// `None`: removed.
    value: Option<Range<usize>>,
}

impl Batch {
    fn clear(&mut self) {
        self.bytes.clear();
        self.rows.clear();
    }

    /// Adds a row: `key` appends its whole key, `value` its value.
    pub(super) fn add(
        &mut self,
        key: impl FnOnce(&mut Vec<u8>),
        value: Option<impl FnOnce(&mut Vec<u8>)>,
    ) -> &[u8] {
        let from = self.bytes.len();
        key(&mut self.bytes);
        let end = self.bytes.len();
        let value = value.map(|value| {
            value(&mut self.bytes);
            end..self.bytes.len()
        });
        self.rows.push(Encoded {
            key: from..end,
            value,
        });
        &self.bytes[from..end]
    }

    fn tell(&mut self, sink: &mut RowSink<'_>) -> Result<(), StateError> {
        let Self { bytes, rows } = self;
        let key = |row: &Encoded| &bytes[row.key.clone()];
        rows.sort_unstable_by(|one, other| key(one).cmp(key(other)));
        for row in rows.iter() {
            let value = row.value.clone().map(|value| &bytes[value]);
            sink(&bytes[row.key.clone()], value)?;
        }
        Ok(())
    }
}

/// Rows that nobody wants any more, by key group.
pub(super) struct Unwanted(pub(super) BTreeMap<KeyGroup, Vec<Vec<u8>>>);

impl Changes for Unwanted {
    fn of_group(&self, group: KeyGroup, _persisted: u32, out: &mut Batch) -> Result<(), StateError> {
        for key in self.0.get(&group).into_iter().flatten() {
            out.add(|out| out.extend_from_slice(key), None::<fn(&mut Vec<u8>)>);
        }
        Ok(())
    }
}
