//! A start of a job, followed until every subtask has reported.
//!
//! ```text
//!  begun ── report, lost ──► all reported ── compacted ──► told (one JobInitialization span and its children)
//!                                  └── nothing to compact, or no patience ──┘
//! ```
//!
//! A compaction that follows a restore is awaited for a while, so that its time stands in the span although the
//! subtask works already. The span's end is the last report, not the end of the compaction.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use everspan_trace::{Span, SpanContext};

use crate::options::DetailLevel;
use crate::spans;
use crate::time::Now;
use crate::{Job, Run, SubtaskId};

/// How long the span waits for compactions, from the last report on.
const COMPACTION_PATIENCE: Duration = Duration::from_secs(60);

/// Where restored state came from; the words are those of Flink's `StateObjectSizeStatsCollector`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Location {
    /// Inline in the manifest.
    LocalMemory,
    /// A copy on this host's disk.
    LocalDisk,
    /// A store.
    Remote,
    /// Anything else, such as data in flight.
    Unknown,
}

/// The checkpoint a start goes on from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Its id.
    pub checkpoint: u64,
    /// Bytes of all state it refers to.
    pub full_bytes: u64,
    /// Its span, if that is known.
    pub span: Option<SpanContext>,
}

/// What a subtask tells when its start is over. A phase it did not have is `None`; times are measured on a monotonic
/// clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Why it failed; `None`: it runs.
    pub failure: Option<String>,
    /// From its creation until it begins to restore.
    pub mailbox_start: Duration,
    /// Reading back output data in flight.
    pub read_output: Duration,
    /// Initializing its state; contains `download` and `restore`.
    pub initialize_state: Duration,
    /// Until the input data in flight was consumed.
    pub gate_restore: Duration,
    /// Making the state's files local.
    pub download: Option<Duration>,
    /// Opening the state from local files.
    pub restore: Option<Duration>,
    /// A compaction goes on beside the work; [`Initialization::compacted`] follows.
    pub compacts: bool,
    /// Bytes restored, by where they came from.
    pub restored_bytes: BTreeMap<Location, u64>,
}

/// A report as it came.
#[derive(Clone, Debug)]
pub(crate) struct Reported {
    /// When it began and ended, after the job's start.
    pub(crate) began: Duration,
    pub(crate) ended: Duration,
    pub(crate) report: Report,
    pub(crate) compaction: Option<Duration>,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Initialization {
    pub(crate) job: Job,
    pub(crate) run: Run,
    pub(crate) detail: DetailLevel,
    pub(crate) begun: Now,
    pub(crate) restored: Option<Restored>,
    /// The failure that made the start necessary.
    pub(crate) cause: Option<SpanContext>,
    pub(crate) reports: BTreeMap<SubtaskId, Reported>,
    compacting: BTreeSet<SubtaskId>,
    all_reported: Option<Now>,
    told: bool,
}

impl Initialization {
    /// The start of `run` begins.
    pub fn begin(
        job: Job,
        run: Run,
        detail: DetailLevel,
        restored: Option<Restored>,
        cause: Option<SpanContext>,
        now: Now,
    ) -> Self {
        Self {
            job,
            run,
            detail,
            begun: now,
            restored,
            cause,
            reports: BTreeMap::new(),
            compacting: BTreeSet::new(),
            all_reported: None,
            told: false,
        }
    }

    /// The checkpoint that is restored, once it is known.
    pub fn restores(&mut self, restored: Restored) {
        self.restored = Some(restored);
    }

    /// A subtask's start is over. Returns the spans of the whole start when it was the last thing awaited.
    pub fn report(&mut self, subtask: SubtaskId, report: Report, now: Now) -> Vec<Span> {
        assert!(self.job.has(subtask), "a report comes from a subtask of the job");
        let ended = now.since(self.begun);
        let took = report.mailbox_start + report.read_output + report.initialize_state + report.gate_restore;
        if report.compacts {
            self.compacting.insert(subtask);
        }
        self.reports.entry(subtask).or_insert(Reported {
            began: ended.saturating_sub(took),
            ended,
            report,
            compaction: None,
        });
        self.settle(now)
    }

    /// A subtask died before it could report.
    pub fn lost(&mut self, subtask: SubtaskId, reason: &str, now: Now) -> Vec<Span> {
        let report = Report {
            failure: Some(reason.to_owned()),
            ..Report::default()
        };
        self.report(subtask, report, now)
    }

    /// The whole start is given up: whoever has not reported is lost.
    pub fn failed(&mut self, reason: &str, now: Now) -> Vec<Span> {
        let subtasks: Vec<SubtaskId> = self.job.subtasks().collect();
        let mut spans = Vec::new();
        for subtask in subtasks {
            if !self.reports.contains_key(&subtask) {
                spans.extend(self.lost(subtask, reason, now));
            }
        }
        spans
    }

    /// The compaction that followed a subtask's restore has ended.
    pub fn compacted(&mut self, subtask: SubtaskId, took: Duration, now: Now) -> Vec<Span> {
        self.compacting.remove(&subtask);
        if let Some(reported) = self.reports.get_mut(&subtask) {
            reported.compaction = Some(took);
        }
        self.settle(now)
    }

    /// The run ends: compactions that are not over will never be.
    pub fn over(&mut self, now: Now) -> Vec<Span> {
        self.compacting.clear();
        self.settle(now)
    }

    /// Time has passed: compactions are not awaited for ever.
    pub fn tick(&mut self, now: Now) -> Vec<Span> {
        self.settle(now)
    }

    /// The monotonic time at which [`tick`](Self::tick) is due.
    pub fn next_wakeup(&self) -> Option<u64> {
        let patience = u64::try_from(COMPACTION_PATIENCE.as_nanos()).unwrap_or(u64::MAX);
        let since = self.all_reported.filter(|_| !self.told)?;
        Some(since.monotonic_ns.saturating_add(patience))
    }

    /// Whether every subtask's start is over. Its spans may still wait for compactions.
    pub fn is_reported(&self) -> bool {
        self.all_reported.is_some()
    }

    /// Whether its spans were returned.
    pub fn is_told(&self) -> bool {
        self.told
    }

    /// Why it failed, as far as is known now.
    pub fn failure(&self) -> Option<&str> {
        self.reports
            .values()
            .find_map(|reported| reported.report.failure.as_deref())
    }

    fn settle(&mut self, now: Now) -> Vec<Span> {
        if self.told || self.reports.len() < self.job.parallelism() {
            return Vec::new();
        }
        let since = *self.all_reported.get_or_insert(now);
        let is_patient = now.since(since) < COMPACTION_PATIENCE && self.failure().is_none();
        if is_patient && !self.compacting.is_empty() {
            return Vec::new();
        }
        self.told = true;
        spans::of_initialization(self)
    }
}

#[cfg(test)]
mod tests;
