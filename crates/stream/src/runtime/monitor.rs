//! What can be seen of a running job from outside: for the progress line and the HTTP endpoint.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use everspan_checkpoint::Statistics;

use crate::task::{NO_WATERMARK, SubtaskFigures};

/// Where a job stands. The names are those of Flink's job status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JobState {
    /// Its subtasks are being started or restored.
    #[default]
    Initializing,
    /// Every subtask runs.
    Running,
    /// It failed, and waits before it starts again.
    Restarting,
    /// It has ended, with its input or with a savepoint.
    Finished,
    /// Someone ended it.
    Canceled,
    /// It failed, and is not started again.
    Failed,
}

impl JobState {
    /// The name as Flink writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Initializing => "INITIALIZING",
            Self::Running => "RUNNING",
            Self::Restarting => "RESTARTING",
            Self::Finished => "FINISHED",
            Self::Canceled => "CANCELED",
            Self::Failed => "FAILED",
        }
    }
}

/// A job at one moment.
#[derive(Clone, Debug, Default)]
pub struct JobStatus {
    /// Where it stands.
    pub state: JobState,
    /// How often it was started again.
    pub restarts: u32,
    /// Why it failed last.
    pub last_failure: Option<String>,
    /// Its tasks, with the figures of the run that is under way.
    pub tasks: Vec<TaskStatus>,
    /// What became of the checkpoints of the run that is under way.
    pub checkpoints: Statistics,
}

/// One task of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskStatus {
    /// Its operators.
    pub name: String,
    /// Whether it begins with a source.
    pub is_source: bool,
    /// Its subtasks, in their order.
    pub subtasks: Vec<SubtaskStatus>,
}

/// Figures of one subtask, counted up since its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubtaskStatus {
    /// Records that came in, or that a source made.
    pub records_in: u64,
    /// Records sent to other tasks.
    pub records_out: u64,
    /// Nanoseconds of work.
    pub busy_ns: u64,
    /// Nanoseconds of waiting for room behind.
    pub back_pressured_ns: u64,
    /// The watermark, ms since the Unix epoch; `None` before the first.
    pub watermark_ms: Option<i64>,
}

impl SubtaskStatus {
    fn of(figures: &SubtaskFigures) -> Self {
        let watermark = figures.watermark.load(Ordering::Relaxed);
        Self {
            records_in: figures.records_in.load(Ordering::Relaxed),
            records_out: figures.records_out.load(Ordering::Relaxed),
            busy_ns: figures.busy_ns.load(Ordering::Relaxed),
            back_pressured_ns: figures.back_pressured_ns.load(Ordering::Relaxed),
            watermark_ms: (watermark != NO_WATERMARK).then_some(watermark),
        }
    }
}

/// Where a run puts what can be seen of it. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Monitor {
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    status: JobStatus,
    figures: Vec<Vec<Arc<SubtaskFigures>>>,
}

/// A task of a run that begins.
pub(crate) struct Watched {
    pub(crate) name: String,
    pub(crate) is_source: bool,
    pub(crate) figures: Vec<Arc<SubtaskFigures>>,
}

impl Monitor {
    /// A run begins; figures and checkpoints are counted anew.
    pub(crate) fn begins(&self, restarts: u32, tasks: Vec<Watched>) {
        let mut seen = self.lock();
        seen.status.state = JobState::Initializing;
        seen.status.restarts = restarts;
        seen.status.checkpoints = Statistics::default();
        seen.figures = tasks.iter().map(|task| task.figures.clone()).collect();
        let named = tasks.into_iter().map(|task| TaskStatus {
            name: task.name,
            is_source: task.is_source,
            subtasks: Vec::new(),
        });
        seen.status.tasks = named.collect();
    }

    pub(crate) fn is(&self, state: JobState) {
        self.lock().status.state = state;
    }

    pub(crate) fn failed(&self, reason: String) {
        self.lock().status.last_failure = Some(reason);
    }

    pub(crate) fn checkpoints(&self, statistics: &Statistics) {
        self.lock().status.checkpoints = statistics.clone();
    }

    pub(crate) fn status(&self) -> JobStatus {
        let seen = self.lock();
        let mut status = seen.status.clone();
        for (task, figures) in status.tasks.iter_mut().zip(&seen.figures) {
            task.subtasks = figures.iter().map(|of| SubtaskStatus::of(of)).collect();
        }
        status
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watermark_is_unset_until_the_first_and_may_be_the_epoch() {
        let figures = SubtaskFigures::default();
        assert_eq!(SubtaskStatus::of(&figures).watermark_ms, None);
        for watermark in [0, -1, 7] {
            figures.watermark.store(watermark, Ordering::Relaxed);
            assert_eq!(SubtaskStatus::of(&figures).watermark_ms, Some(watermark));
        }
    }
}
