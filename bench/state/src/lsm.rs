//! Keyed state in an LSM tree.

use std::path::Path;
use std::time::Duration;

use everspan_state::{
    Backend, Compacting, FetchedPart, LsmBackend, LsmOptions, LsmShared, LsmSnapshot, Owner, Snapshots,
};

use crate::Result;
use crate::keyed::{Keyed, Value, all, group_of};

/// Unflushed changes that start a flush.
const FLUSH_BYTES: u64 = 32 << 20;
/// Updates between two commits.
const BATCH: u64 = 100;

pub(crate) struct Lsm {
    state: LsmBackend,
    in_batch: u64,
}

fn options() -> Result<LsmOptions> {
    let owner = Owner {
        partition: 0,
        partitions: 1,
        cluster: "bench".to_owned(),
    };
    let mut options = LsmOptions::new(LsmShared::start(64 << 20, 256)?, owner);
    options.compacting = Compacting::FewRewrites;
    options.l0_tables_max = 8;
    Ok(options)
}

fn key_bytes(key: u64) -> [u8; 10] {
    let mut bytes = [0; 10];
    bytes[..2].copy_from_slice(&group_of(key).0.to_be_bytes());
    bytes[2..].copy_from_slice(&key.to_be_bytes());
    bytes
}

impl Lsm {
    fn commit(&mut self) {
        if self.in_batch > 0 {
            self.in_batch = 0;
            self.state.commit(self.state.applied() + 1);
        }
    }
}

impl Keyed for Lsm {
    type Snapshot = LsmSnapshot;

    fn create(dir: &Path) -> Result<Self> {
        let state = LsmBackend::open(dir, options()?)?;
        Ok(Self { state, in_batch: 0 })
    }

    fn restore(part: FetchedPart, dir: &Path) -> Result<(Self, Duration)> {
        let restored = LsmBackend::restore(&[part], all(), dir, options()?)?;
        let state = restored.state;
        Ok((Self { state, in_batch: 0 }, restored.restore))
    }

    fn update(&mut self, key: u64, value: &Value) -> Result<()> {
        let key = key_bytes(key);
        std::hint::black_box(self.state.get(&key)?);
        self.state.put(&key, value);
        self.in_batch += 1;
        if self.in_batch == BATCH {
            self.commit();
        }
        Ok(())
    }

    fn maintain(&mut self) -> Result<()> {
        let is_flushing = self.state.poll_flush()?.is_none();
        if !is_flushing && self.state.unflushed_bytes() >= FLUSH_BYTES {
            self.commit();
            self.state.begin_flush()?;
        }
        Ok(())
    }

    fn rest(&self) {
        let mut before = None;
        // A compaction that takes longer than that would be told as what the next checkpoint moves.
        while before.replace(self.state.counters()) != Some(self.state.counters()) {
            std::thread::sleep(Duration::from_secs(3));
        }
    }

    fn snapshot(&mut self) -> Result<LsmSnapshot> {
        self.commit();
        Ok(self.state.snapshot()?)
    }
}
