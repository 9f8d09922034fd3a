//! Where a job keeps its keyed state. The names are those of Flink's keys.

use std::path::PathBuf;

/// Everything that may be said of a job's keyed state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateOptions {
    /// `state.backend.type`.
    pub backend: StateBackend,
    /// `execution.checkpointing.incremental`: checkpoints write what changed instead of everything.
    pub incremental: bool,
    /// `execution.checkpointing.local-backup.enabled`: the newest checkpoint stays on this host as well while the job
    /// works, so that a restart need not fetch it. `None`: with state on disk, of which it has the files anyway.
    pub local_recovery: Option<bool>,
    /// `state.backend.lsm.localdir`: a directory on this host for state on disk while the job works; that of
    /// [`local_dir`](super::options::JobOptions::local_dir) unless set.
    pub lsm_dir: Option<PathBuf>,
    /// `state.backend.lsm.memory.size`: bytes of memory for state on disk, of all subtasks together.
    pub lsm_memory_bytes: u64,
}

/// `state.backend.type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StateBackend {
    /// In memory.
    #[default]
    Hashmap,
    /// On disk, with as much of it in memory as there is room for. (Flink's `rocksdb`.)
    Lsm,
}

impl StateOptions {
    /// State on disk, and memory for it unless said otherwise.
    const LSM_MEMORY_BYTES: u64 = 512 << 20;

    /// State on disk.
    #[must_use]
    pub fn lsm() -> Self {
        Self {
            backend: StateBackend::Lsm,
            ..Self::default()
        }
    }

    /// Whether the newest checkpoint stays on this host.
    pub(crate) fn keeps_copies(&self) -> bool {
        self.local_recovery.unwrap_or(self.backend == StateBackend::Lsm)
    }
}

impl Default for StateOptions {
    fn default() -> Self {
        Self {
            backend: StateBackend::default(),
            incremental: true,
            local_recovery: None,
            lsm_dir: None,
            lsm_memory_bytes: Self::LSM_MEMORY_BYTES,
        }
    }
}
