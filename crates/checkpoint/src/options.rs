//! What a user sets; the words are Flink's (`execution.checkpointing.*`).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How a coordinator works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Time from one periodic trigger to the next; `None`: only on demand.
    pub interval: Option<Duration>,
    /// Least time from the end of a checkpoint to the next periodic trigger.
    pub min_pause: Duration,
    /// A checkpoint that is not complete after this time is given up.
    pub timeout: Duration,
    /// Checkpoints under way at a time, at least 1. Further triggers wait.
    pub max_concurrent: usize,
    /// Failures in a row that the job survives; `None`: any number.
    pub tolerable_failures: Option<u32>,
    /// Completed checkpoints that are kept, at least 1; savepoints are not counted and are kept for ever.
    pub retained: usize,
    /// Whether barriers may overtake data.
    pub unaligned: bool,
    /// Which spans tell of a checkpoint or a start.
    pub detail: DetailLevel,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            interval: None,
            min_pause: Duration::ZERO,
            timeout: Duration::from_secs(600),
            max_concurrent: 1,
            tolerable_failures: Some(0),
            retained: 1,
            unaligned: false,
            detail: DetailLevel::default(),
        }
    }
}

/// Which spans tell of a checkpoint or a start: the key `traces.checkpoint.span-detail-level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum DetailLevel {
    /// One span.
    SpanPerCheckpoint,
    /// One span that lists its figures per task.
    SpanPerCheckpointWithTasks,
    /// One span, and below it one per task.
    ChildrenSpansPerTask,
    /// One span, below it one per task, below these one per subtask with its phases.
    #[default]
    ChildrenSpansPerSubtask,
}

impl DetailLevel {
    /// Every level with its name in the configuration.
    pub const NAMES: [(&'static str, DetailLevel); 4] = [
        ("SPAN_PER_CHECKPOINT", Self::SpanPerCheckpoint),
        ("SPAN_PER_CHECKPOINT_WITH_TASKS", Self::SpanPerCheckpointWithTasks),
        ("CHILDREN_SPANS_PER_TASK", Self::ChildrenSpansPerTask),
        ("CHILDREN_SPANS_PER_SUBTASK", Self::ChildrenSpansPerSubtask),
    ];
}

impl FromStr for DetailLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::NAMES
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(text));
        known.map(|&(_, level)| level).ok_or_else(|| {
            let names = Self::NAMES.map(|(name, _)| name).join(", ");
            format!("unknown detail level `{text}`: use one of {names}")
        })
    }
}

impl fmt::Display for DetailLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Self::NAMES.iter().find(|(_, level)| level == self);
        f.write_str(known.expect("every level has a name").0)
    }
}
