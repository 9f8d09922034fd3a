//! Where the keyed state of a job's runs lies while they work. Nothing there outlives its run: a new one begins with a
//! checkpoint.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use everspan_state::LsmShared;

use super::error::JobError;
use super::state_options::{StateBackend, StateOptions};
use crate::keyed::{LsmSettings, StateSettings};

/// Of the memory for state on disk, the part for blocks of files; the rest is for rows.
const CACHE_PART: u64 = 4;
/// Table files that are kept open, of all trees together.
const OPEN_FILES_MAX: usize = 512;

/// See the module.
pub(crate) struct WorkingState {
    options: StateOptions,
    /// With state on disk: what trees share, and a directory of this job alone.
    on_disk: Option<(LsmShared, PathBuf)>,
}

impl WorkingState {
    /// For a job with the directory `own_dir` unless the options say another place, where it has one of the same name.
    pub(crate) fn new(options: StateOptions, own_dir: &Path) -> Result<Self, JobError> {
        let on_disk = match options.backend {
            StateBackend::Hashmap => None,
            StateBackend::Lsm => {
                let cache_bytes = options.lsm_memory_bytes / CACHE_PART;
                let shared = LsmShared::start(cache_bytes, OPEN_FILES_MAX).map_err(JobError::Thread)?;
                let name = own_dir.file_name().expect("a job's directory has a name");
                let dir = match &options.lsm_dir {
                    Some(base) => base.join(name),
                    None => own_dir.to_owned(),
                };
                Some((shared, dir))
            }
        };
        Ok(Self { options, on_disk })
    }

    /// For the operators of a run.
    pub(crate) fn of_run(&self, number: u64) -> StateSettings {
        match &self.on_disk {
            None => StateSettings::Heap {
                incremental: self.options.incremental,
            },
            Some((shared, dir)) => {
                let bytes = self.options.lsm_memory_bytes;
                let rows = bytes - bytes / CACHE_PART;
                StateSettings::Lsm(LsmSettings {
                    shared: shared.clone(),
                    dir: dir_of_run(dir, number),
                    memory_bytes: usize::try_from(rows).unwrap_or(usize::MAX),
                    operators: Arc::default(),
                })
            }
        }
    }

    /// A run is over.
    pub(crate) fn remove(&self, number: u64) {
        if let Some((_, dir)) = &self.on_disk {
            // What cannot be removed now goes with the job's directory.
            drop(std::fs::remove_dir_all(dir_of_run(dir, number)));
        }
    }

    /// The job is over.
    pub(crate) fn remove_all(&self) {
        if let Some((_, dir)) = &self.on_disk {
            // What is left of it means nothing, and lies in a directory of this process.
            drop(std::fs::remove_dir_all(dir));
        }
    }
}

fn dir_of_run(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("state-{number}"))
}
