//! Where the keyed state of a job's runs lies while they work. Nothing there outlives its run: a new one begins with a
//! checkpoint.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use everspan_state::LsmShared;

use super::crew::Crew;
use super::error::JobError;
use super::own_dir::OwnDir;
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
    /// That directory, if it is another one than the job has anyway.
    _own_dir: Option<OwnDir>,
}

impl WorkingState {
    /// Of job `number` of this process, with the directory `local_dir` unless the options say another place. Who steps a job
    /// does everything that is done: `crew` says so.
    pub(crate) fn new(
        options: StateOptions,
        number: u64,
        local_dir: &Path,
        crew: &Crew,
    ) -> Result<Self, JobError> {
        if options.backend == StateBackend::Hashmap {
            return Ok(Self {
                options,
                on_disk: None,
                _own_dir: None,
            });
        }
        let own_dir = options.lsm_dir.as_ref().map(|base| {
            let made = OwnDir::make(base, number);
            made.map_err(|error| refused("state.backend.lsm.localdir", base, &error))
        });
        let own_dir = own_dir.transpose()?;
        let dir = own_dir.as_ref().map_or(local_dir, OwnDir::path).to_owned();
        let cache_bytes = options.lsm_memory_bytes / CACHE_PART;
        let shared = match crew {
            Crew::Threads(_) => LsmShared::start(cache_bytes, OPEN_FILES_MAX).map_err(JobError::Thread)?,
            Crew::Stepped(_) => LsmShared::without_threads(cache_bytes, OPEN_FILES_MAX),
        };
        Ok(Self {
            options,
            on_disk: Some((shared, dir)),
            _own_dir: own_dir,
        })
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
}

/// A directory that this host does not give.
pub(crate) fn refused(key: &str, base: &Path, error: &std::io::Error) -> JobError {
    JobError::Option(format!(
        "{key}: no directory can be made in {}: {error}",
        base.display()
    ))
}

fn dir_of_run(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("state-{number}"))
}
