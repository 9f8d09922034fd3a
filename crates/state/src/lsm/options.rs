//! What an open needs to be told, and what the partitions of one process share.

use std::path::Path;
use std::sync::Arc;

use lsm_tree::{Cache, DescriptorTable};

use super::{Compacting, Compactor, Owner};
use crate::disk::Durability;

/// Tells how many bytes an unprivileged process may still write to the disk of a directory.
pub type FreeSpace = Arc<dyn Fn(&Path) -> std::io::Result<u64> + Send + Sync>;

/// The block cache, the open files and the compaction thread that all partitions of a process share.
#[derive(Clone)]
pub struct LsmShared {
    pub(super) cache: Arc<Cache>,
    pub(super) descriptors: Arc<DescriptorTable>,
    pub(super) compactor: Compactor,
}

impl LsmShared {
    /// Starts the compaction thread. `cache_bytes` bounds the blocks kept in memory, `open_files_max`
    /// the table files kept open.
    ///
    /// # Errors
    ///
    /// When the thread cannot be started.
    pub fn start(cache_bytes: u64, open_files_max: usize) -> std::io::Result<Self> {
        Ok(Self {
            cache: Arc::new(Cache::with_capacity_bytes(cache_bytes)),
            descriptors: Arc::new(DescriptorTable::new(open_files_max)),
            compactor: Compactor::start()?,
        })
    }

    /// As [`start`](Self::start), but nothing is done beside the owners' work: no thread, and the same calls do the same,
    /// as simulations want it.
    #[must_use]
    pub fn without_threads(cache_bytes: u64, open_files_max: usize) -> Self {
        Self {
            cache: Arc::new(Cache::with_capacity_bytes(cache_bytes)),
            descriptors: Arc::new(DescriptorTable::new(open_files_max)),
            compactor: Compactor::without_thread(),
        }
    }
}

/// How to open one partition's state.
#[derive(Clone)]
pub struct LsmOptions {
    /// What the partitions of this process share.
    pub shared: LsmShared,
    /// Whose state it is; an existing state of another owner is refused.
    pub owner: Owner,
    /// Tables of the newest level that start a compaction.
    pub l0_tables_max: u8,
    /// What compactions are to save.
    pub compacting: Compacting,
    /// Size a compaction for [few runs](Compacting::FewRuns) aims at for a table, in bytes.
    pub table_bytes: u64,
    /// How to learn the free space of the disk.
    pub free_space: FreeSpace,
    /// What the state has to outlive. Tables are synced in any case.
    pub durability: Durability,
}

impl LsmOptions {
    /// The defaults for the state of `owner`: compaction at 4 tables, for few runs, tables of 64 MiB.
    #[must_use]
    pub fn new(shared: LsmShared, owner: Owner) -> Self {
        Self {
            shared,
            owner,
            l0_tables_max: 4,
            compacting: Compacting::FewRuns,
            table_bytes: 64 << 20,
            free_space: Arc::new(free_space_of_disk),
            durability: Durability::default(),
        }
    }
}

fn free_space_of_disk(dir: &Path) -> std::io::Result<u64> {
    let disk = rustix::fs::statvfs(dir)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}
