//! Keyed state in memory, of which only changes are written.

use std::path::Path;
use std::time::{Duration, Instant};

use everspan_state::FetchedPart;
use everspan_state::heap::{HeapCheckpoints, HeapReader, HeapSnapshots, HeapTable};

use crate::Result;
use crate::keyed::{Keyed, VALUE_BYTES, Value, all, group_of};

const TABLE: &str = "state";

pub(crate) struct Heap {
    table: HeapTable<u64, Value>,
    checkpoints: HeapCheckpoints,
    position: u64,
}

impl Heap {
    fn of(table: HeapTable<u64, Value>) -> Self {
        Self {
            table,
            checkpoints: HeapCheckpoints::new(true),
            position: 0,
        }
    }
}

impl Keyed for Heap {
    type Snapshot = HeapSnapshots;

    fn create(_: &Path) -> Result<Self> {
        Ok(Self::of(HeapTable::new(all())))
    }

    fn restore(part: FetchedPart, _: &Path) -> Result<(Self, Duration)> {
        let began = Instant::now();
        let table = HeapReader::open(&[part])?.load(TABLE, all())?;
        Ok((Self::of(table), began.elapsed()))
    }

    fn update(&mut self, key: u64, value: &Value) -> Result<()> {
        let place = self
            .table
            .get_or_insert_with(group_of(key), &key, || [0; VALUE_BYTES]);
        std::hint::black_box(&*place);
        *place = *value;
        Ok(())
    }

    fn maintain(&mut self) -> Result<()> {
        Ok(())
    }

    fn rest(&self) {}

    fn snapshot(&mut self) -> Result<HeapSnapshots> {
        self.position += 1;
        let mut snapshot = self.checkpoints.begin(self.position);
        snapshot.add(TABLE, &mut self.table);
        Ok(snapshot)
    }
}
