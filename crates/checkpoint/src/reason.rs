//! Why a checkpoint did not complete.

use std::fmt;

/// Why a checkpoint failed, or was refused before it began. The words are Flink's where Flink has some
/// (`CheckpointFailureReason`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AbortReason {
    /// It was not complete within the timeout.
    Expired,
    /// A subtask could not write its part.
    Declined {
        /// Task and number of the subtask, for people.
        subtask: String,
        /// What the subtask said.
        reason: String,
    },
    /// Not every subtask is running: refused.
    NotAllTasksRunning,
    /// More triggers wait than may: refused.
    TooManyRequests,
    /// A newer checkpoint completed first.
    Subsumed {
        /// The newer one.
        by: u64,
    },
    /// The checkpoint's manifest could not be stored.
    Store(String),
    /// The job failed while it was under way.
    JobFailed(String),
    /// The job is being stopped: refused, or given up.
    Stopping,
    /// The process died while it was under way; told by the next start.
    Crashed,
}

impl AbortReason {
    /// Every [`label`](Self::label).
    pub const LABELS: [&'static str; 9] = [
        "expired",
        "declined",
        "not_all_tasks_running",
        "too_many_requests",
        "subsumed",
        "store",
        "job_failed",
        "stopping",
        "crashed",
    ];

    /// The reason in one word, for counters.
    pub fn label(&self) -> &'static str {
        let place = match self {
            Self::Expired => 0,
            Self::Declined { .. } => 1,
            Self::NotAllTasksRunning => 2,
            Self::TooManyRequests => 3,
            Self::Subsumed { .. } => 4,
            Self::Store(_) => 5,
            Self::JobFailed(_) => 6,
            Self::Stopping => 7,
            Self::Crashed => 8,
        };
        Self::LABELS[place]
    }

    /// Whether it counts towards the tolerable failures: only what the checkpoint itself caused does.
    pub fn counts(&self) -> bool {
        matches!(self, Self::Expired | Self::Declined { .. } | Self::Store(_))
    }
}

impl fmt::Display for AbortReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired => write!(f, "checkpoint expired before completing"),
            Self::Declined { subtask, reason } => write!(f, "checkpoint was declined by {subtask}: {reason}"),
            Self::NotAllTasksRunning => write!(f, "not all required tasks are currently running"),
            Self::TooManyRequests => write!(f, "too many checkpoint requests are queued"),
            Self::Subsumed { by } => write!(f, "checkpoint has been subsumed by checkpoint {by}"),
            Self::Store(reason) => write!(f, "the checkpoint could not be stored: {reason}"),
            Self::JobFailed(reason) => write!(f, "the job has failed: {reason}"),
            Self::Stopping => write!(f, "the job is stopping"),
            Self::Crashed => write!(f, "the process died while the checkpoint was under way"),
        }
    }
}

impl std::error::Error for AbortReason {}
