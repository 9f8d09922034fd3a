//! A start of the server: its partitions opened or restored, and the spans that tell of it.
//!
//! ```text
//! state on disk ─ whole ──────────────────────────────────► open ─► replay of the log ─► up
//!        └─ missing or damaged ─► newest checkpoint that is whole ──► restored ──┘
//! ```
//!
//! The state on disk is the newest there is: the last checkpoint and what was flushed since. A damaged one is put aside,
//! never removed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use everspan_checkpoint::{Initialization, Location, Now, Report, Restored, Run, SubtaskId, job_failure};
use everspan_state::store::{CheckpointStore, Manifest};
use everspan_state::{LocalCopies, LsmBackend, LsmOptions, OpenError, Owned, Recovery, RestoredBytes};
use everspan_trace::Span;
use tokio::runtime::Handle;

use super::driver::{run_name, run_of};
use super::manifest;
use super::note::{Before, RunNote};
use super::options::{CheckpointsOptions, TASK};
use super::progress::Said;
use super::upload::range_of;
use crate::clock::now_ns;

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
}

/// The checkpoints a partition may be restored from, newest first.
#[derive(Clone)]
struct Candidates {
    store: Option<Arc<CheckpointStore>>,
    manifests: Vec<Manifest>,
}

/// Where a partition's state lies, and how it is opened.
pub struct Place<'a> {
    /// Number of the partition.
    pub partition: u16,
    /// Its directory.
    pub dir: &'a Path,
    /// Whether it was created before: then a missing one is restored.
    pub created: bool,
    /// The last record of it in the log.
    pub logged: Option<u64>,
}

impl Start {
    /// The start of the run of `note` begins.
    pub fn begin(
        options: &CheckpointsOptions,
        note: RunNote,
        before: Before,
        copies: LocalCopies,
        runtime: Handle,
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
        }
    }

    /// The run that has begun, and what the one before left.
    pub fn into_run(self) -> (RunNote, Before, LocalCopies) {
        (self.note, self.before, self.copies)
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

    /// Takes the newest checkpoint that is whole.
    fn restore(
        &mut self,
        at: &Place<'_>,
        options: &LsmOptions,
        why: &str,
        report: &mut Report,
    ) -> Result<LsmBackend, String> {
        let partition = at.partition;
        tracing::error!(partition, why, "the state of a partition is missing or damaged");
        let candidates = self.candidates().map_err(|none| format!("{why}; {none}"))?;
        for manifest in &candidates.manifests {
            let checkpoint = manifest.checkpoint;
            match self.restore_from(candidates.store.as_deref(), manifest, at, options, report) {
                Ok(state) => {
                    tracing::info!(partition, checkpoint, "the state of a partition was restored");
                    self.restored_from(manifest);
                    return Ok(state);
                }
                Err(error) => {
                    tracing::warn!(
                        partition,
                        checkpoint,
                        error,
                        "a checkpoint cannot be used, the one before it is tried"
                    );
                }
            }
        }
        let place = candidates
            .store
            .as_ref()
            .map_or("this host", |store| store.place());
        Err(format!("{why}; no checkpoint in {place} can take its place"))
    }

    /// Partitions may come from different checkpoints, for each goes on with its log: the oldest is told.
    fn restored_from(&mut self, manifest: &Manifest) {
        let is_older = |known: u64| manifest.checkpoint < known;
        if self.oldest_used.is_none_or(is_older) {
            self.oldest_used = Some(manifest.checkpoint);
            self.initialization.restores(restored(manifest));
        }
    }

    fn restore_from(
        &self,
        store: Option<&CheckpointStore>,
        manifest: &Manifest,
        at: &Place<'_>,
        options: &LsmOptions,
        report: &mut Report,
    ) -> Result<LsmBackend, String> {
        let position = manifest::position_of(manifest, at.partition)?;
        if at.logged.is_none_or(|last| last < position) {
            return Err(format!(
                "it has record {position}, the log ends before: log files are missing"
            ));
        }
        let said = Said::start();
        let recovery = Recovery {
            copies: Some(&self.copies),
            store,
            progress: Some(&said.progress),
        };
        let owner = owned(at.partition, &self.options.dir);
        let fetched = self
            .runtime
            .block_on(recovery.fetch(manifest, &owner))
            .map_err(|error| error.to_string())?;
        for problem in &fetched.problems {
            tracing::warn!(partition = at.partition, %problem, "a copy on this host is passed over");
        }
        put_aside(at.dir).map_err(|error| error.to_string())?;
        let restored = LsmBackend::restore(&fetched.parts, owner.range, at.dir, options.clone())
            .map_err(|error| error.to_string())?;
        report.download = fetched.download;
        report.restore = Some(restored.restore);
        report.restored_bytes = by_location(&fetched.bytes);
        remove(&owner.to);
        Ok(restored.state)
    }

    /// The checkpoints of this data directory.
    fn candidates(&mut self) -> Result<Candidates, String> {
        if let Some(candidates) = &self.candidates {
            return Ok(candidates.clone());
        }
        let store = self
            .options
            .open_destination()
            .map_err(|error| error.to_string())?;
        let recovery = Recovery {
            copies: Some(&self.copies),
            store: store.as_deref(),
            progress: None,
        };
        let (mut manifests, problems) = self
            .runtime
            .block_on(recovery.checkpoints())
            .map_err(|error| error.to_string())?;
        for problem in problems {
            tracing::warn!(%problem, "a checkpoint is passed over");
        }
        manifests.retain(|manifest| self.options.home.owns(manifest));
        if store.is_none() && manifests.is_empty() {
            return Err("no checkpoint.destination is set, from which it could be restored".to_owned());
        }
        let candidates = Candidates { store, manifests };
        self.candidates = Some(candidates.clone());
        Ok(candidates)
    }
}

/// What a partition wants of a checkpoint.
pub(super) fn owned(partition: u16, dir: &Path) -> Owned {
    Owned {
        task: TASK.to_owned(),
        range: range_of(partition),
        to: dir.join(format!("restore-{partition:04}")),
    }
}

/// What was fetched is linked into the state.
pub(super) fn remove(fetched: &Path) {
    if let Err(error) = std::fs::remove_dir_all(fetched) {
        tracing::warn!(dir = %fetched.display(), %error, "what was downloaded could not be removed");
    }
}

fn by_location(bytes: &RestoredBytes) -> BTreeMap<Location, u64> {
    let all = [
        (Location::LocalMemory, bytes.local_memory),
        (Location::LocalDisk, bytes.local_disk),
        (Location::Remote, bytes.remote),
    ];
    all.into_iter().filter(|(_, bytes)| *bytes > 0).collect()
}

fn now(begun: Instant) -> Now {
    Now {
        wall_ns: now_ns(),
        monotonic_ns: u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX),
    }
}

fn restored(manifest: &Manifest) -> Restored {
    let run = Run::new(&manifest.job, &manifest.run);
    Restored {
        checkpoint: manifest.checkpoint,
        full_bytes: manifest.full_bytes(),
        span: Some(run.checkpoint(manifest.checkpoint)),
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

/// Gives a damaged state another name; an older one under that name goes.
fn put_aside(dir: &Path) -> std::io::Result<()> {
    let aside = dir.with_extension("damaged");
    if dir.exists() {
        if aside.exists() {
            std::fs::remove_dir_all(&aside)?;
        }
        std::fs::rename(dir, &aside)?;
    }
    let suspect = suspect_file(dir);
    if suspect.exists() {
        std::fs::remove_file(suspect)?;
    }
    Ok(())
}
