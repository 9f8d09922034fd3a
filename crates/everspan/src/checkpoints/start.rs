//! A start of the server: its partitions opened or restored, and the spans that tell of it.
//!
//! ```text
//! state on disk ─ whole ──────────────────────────────────► open ─► replay of the log ─► up
//!        └─ missing or damaged ─► newest checkpoint that is whole ──► restored ──┤
//!                                    └─ none, but a log from the first record on ─► empty
//! ```
//!
//! The state on disk is the newest there is: the last checkpoint and what was flushed since. A damaged one is put aside,
//! never removed.

mod place;
mod restoring;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use everspan_checkpoint::{Initialization, Location, Now, Report, Restored, Run, SubtaskId, job_failure};
use everspan_state::store::CheckpointStore;
use everspan_state::{LocalCopies, LsmBackend, LsmOptions, OpenError};
use everspan_trace::Span;
use tokio::runtime::Handle;

use super::driver::{run_name, run_of};
use super::note::{Before, RunNote};
use super::options::CheckpointsOptions;
use super::start_progress::StartProgress;
use super::trim_note::TrimNote;
use crate::clock::now_ns;
pub use place::{Logged, Place};
use restoring::Candidates;
pub(super) use restoring::{owned, remove};

/// Follows one start.
pub struct Start {
    options: CheckpointsOptions,
    note: RunNote,
    before: Before,
    runtime: Handle,
    initialization: Initialization,
    /// The failure that made this start necessary.
    failure: Option<Span>,
    begun: Instant,
    reports: BTreeMap<u16, Report>,
    copies: LocalCopies,
    candidates: Option<Candidates>,
    oldest_used: Option<u64>,
    progress: Arc<StartProgress>,
}

/// A run that has begun.
pub struct Begun {
    /// Its note.
    pub note: RunNote,
    /// What the run before left.
    pub before: Before,
    /// Copies of checkpoints on this host.
    pub copies: LocalCopies,
    /// The configured destination, if the start has opened it: it knows which files are damaged there.
    pub destination: Option<Arc<CheckpointStore>>,
}

impl Start {
    /// The start of the run of `note` begins.
    pub fn begin(
        options: &CheckpointsOptions,
        note: RunNote,
        before: Before,
        copies: LocalCopies,
        runtime: Handle,
        progress: Arc<StartProgress>,
    ) -> Self {
        let begun = Instant::now();
        let now = now(begun);
        let job = options.job();
        let crashed = before.run.filter(|(_, ended)| !ended);
        let crashed = crashed.map(|(number, _)| run_of(options, number));
        let failure = crashed.as_ref().map(|run| {
            let reason = "the process died: it did not end in order";
            job_failure(&job, run, reason, true, &[], now)
        });
        let restored = before.completed.as_ref().map(|completed| Restored {
            checkpoint: completed.checkpoint,
            full_bytes: completed.full_bytes,
            span: Some(Run::new(&completed.job, &completed.run).checkpoint(completed.checkpoint)),
        });
        let run = Run::new(&options.cluster, &run_name(options, note.run()));
        let cause = crashed.as_ref().map(Run::failure);
        let initialization = Initialization::begin(job, run, options.detail(), restored, cause, now);
        Self {
            options: options.clone(),
            note,
            before,
            runtime,
            initialization,
            failure,
            begun,
            reports: BTreeMap::new(),
            copies,
            candidates: None,
            oldest_used: None,
            progress,
        }
    }

    /// The run that has begun, and what the start knows that concerns it.
    pub fn into_run(self) -> Begun {
        Begun {
            note: self.note,
            before: self.before,
            copies: self.copies,
            destination: self.candidates.and_then(Candidates::into_store),
        }
    }

    /// Is told how far it is.
    pub fn progress(&self) -> &StartProgress {
        &self.progress
    }

    /// Where the trimming of the log is noted; `None`: as long as there was no checkpoint, nobody looks at it.
    ///
    /// # Errors
    /// When the note cannot be read.
    pub(crate) fn trim_note(&self) -> Result<Option<TrimNote>, String> {
        let is_needed = self.options.destination.is_some() || self.note.last_checkpoint() > 0;
        is_needed.then(|| TrimNote::read(&self.options.dir)).transpose()
    }

    /// Opens a partition's state, or restores it.
    ///
    /// # Errors
    /// Why it can be had neither from its directory nor from a checkpoint.
    pub fn open(&mut self, at: &Place<'_>, options: &LsmOptions) -> Result<LsmBackend, String> {
        let mailbox_start = self.begun.elapsed();
        let opening = Instant::now();
        let mut report = Report {
            mailbox_start,
            ..Report::default()
        };
        let opened = match open_whole(at, options) {
            Ok(state) => {
                let bytes = state.counters().table_bytes;
                if at.created {
                    report.restored_bytes.insert(Location::LocalDisk, bytes);
                    report.restore = Some(opening.elapsed());
                }
                Ok(state)
            }
            Err(Unfit::Repairable(why)) => self.restore(at, options, &why, &mut report),
            Err(Unfit::Other(why)) => Err(why),
        };
        report.initialize_state = opening.elapsed();
        report.failure = opened.as_ref().err().cloned();
        self.reports.insert(at.partition, report);
        self.progress.opened();
        opened
    }

    /// The log was replayed: every partition runs. Returns the spans of the start.
    pub fn up(&mut self, replay: Duration) -> Vec<Span> {
        let reports = std::mem::take(&mut self.reports);
        let mut spans: Vec<Span> = self.failure.take().into_iter().collect();
        for (partition, mut report) in reports {
            report.gate_restore = replay;
            spans.extend(self.report(partition, report));
        }
        spans
    }

    /// The start is given up. Returns its spans.
    pub fn failed(&mut self, reason: &str) -> Vec<Span> {
        let mut spans: Vec<Span> = self.failure.take().into_iter().collect();
        for (partition, report) in std::mem::take(&mut self.reports) {
            spans.extend(self.report(partition, report));
        }
        spans.extend(self.initialization.failed(reason, now(self.begun)));
        spans
    }

    fn report(&mut self, partition: u16, report: Report) -> Vec<Span> {
        let subtask = SubtaskId {
            task: 0,
            index: u32::from(partition),
        };
        self.initialization.report(subtask, report, now(self.begun))
    }
}

fn now(begun: Instant) -> Now {
    Now {
        wall_ns: now_ns(),
        monotonic_ns: u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX),
    }
}

/// Why a state was not opened.
enum Unfit {
    /// A checkpoint can take its place.
    Repairable(String),
    Other(String),
}

fn open_whole(at: &Place<'_>, options: &LsmOptions) -> Result<LsmBackend, Unfit> {
    let opened = if at.created {
        LsmBackend::open_existing(at.dir, options.clone())
    } else {
        LsmBackend::open(at.dir, options.clone())
    };
    let state = opened.map_err(|error| match error {
        OpenError::Absent { .. }
        | OpenError::MarkerDamaged { .. }
        | OpenError::Missing { .. }
        | OpenError::Damaged { .. }
            if at.created =>
        {
            Unfit::Repairable(error.to_string())
        }
        error => Unfit::Other(error.to_string()),
    })?;
    let suspect = suspect_file(at.dir);
    if suspect.exists() {
        tracing::warn!(
            partition = at.partition,
            "the state of a partition could not be read before: every byte of it is checked"
        );
        state
            .verify_tables()
            .map_err(|error| Unfit::Repairable(error.to_string()))?;
        std::fs::remove_file(&suspect).map_err(|error| Unfit::Other(error.to_string()))?;
    }
    Ok(state)
}

/// Beside the state of a partition whose reading failed: the next start looks at every byte.
pub(crate) fn suspect_file(dir: &Path) -> PathBuf {
    dir.with_extension("suspect")
}
