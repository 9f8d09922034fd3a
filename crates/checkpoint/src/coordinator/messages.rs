//! What a coordinator is told, and what it says: the whole vocabulary between it and its owner.

use std::collections::BTreeMap;
use std::time::Duration;

use everspan_trace::Span;
use everspan_trace::catalog::attr::checkpoint_type;

use crate::{AbortReason, Run, SubtaskId, SubtaskStats};

/// Which checkpoint is asked for; the words are those of Flink's attribute `checkpointType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What the interval triggers: only what is new travels.
    Checkpoint,
    /// A checkpoint that stands alone: everything travels.
    FullCheckpoint,
    /// Asked for by a user, and kept until the user removes it.
    Savepoint,
    /// A savepoint after which the job ends.
    TerminateSavepoint,
}

impl Kind {
    /// What `checkpointType` says.
    pub fn name(self) -> &'static str {
        match self {
            Self::Checkpoint => checkpoint_type::CHECKPOINT,
            Self::FullCheckpoint => checkpoint_type::FULL_CHECKPOINT,
            Self::Savepoint => checkpoint_type::SAVEPOINT,
            Self::TerminateSavepoint => checkpoint_type::TERMINATE_SAVEPOINT,
        }
    }

    /// Whether retention leaves it alone.
    pub fn is_savepoint(self) -> bool {
        matches!(self, Self::Savepoint | Self::TerminateSavepoint)
    }
}

/// Names someone who asked for a checkpoint and awaits an [`Output::Answer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// A checkpoint that was under way when the process died.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Its id.
    pub checkpoint: u64,
    /// What it was.
    pub kind: Kind,
    /// The run it belonged to.
    pub run: Run,
    /// When it was triggered, nanoseconds since the Unix epoch.
    pub triggered_ns: u64,
}

/// A checkpoint that was under way when the process died, and that is complete all the same: its manifest is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What is known of it from before.
    pub lost: Lost,
    /// How long after the trigger each part was written, and its figures.
    pub acks: BTreeMap<SubtaskId, (Duration, SubtaskStats)>,
    /// The manifest's size, bytes.
    pub metadata_bytes: u64,
}

/// What happens to a coordinator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Time has passed.
    Tick,
    /// Someone asks for a checkpoint.
    Trigger {
        /// Which one.
        kind: Kind,
        /// Whom to answer, if anyone waits.
        ticket: Option<Ticket>,
    },
    /// Someone asks for a checkpoint of which the owner knows that there can be none now.
    Refuse {
        /// Which one.
        kind: Kind,
        /// Whom to answer, if anyone waits.
        ticket: Option<Ticket>,
        /// Why.
        reason: AbortReason,
    },
    /// A subtask has written its part.
    Ack {
        /// Of which checkpoint.
        checkpoint: u64,
        /// Which subtask.
        subtask: SubtaskId,
        /// Its figures.
        stats: SubtaskStats,
    },
    /// A subtask could not write its part.
    Decline {
        /// Of which checkpoint.
        checkpoint: u64,
        /// Which subtask.
        subtask: SubtaskId,
        /// Why.
        reason: String,
    },
    /// The manifest stands in the store.
    Published {
        /// Of which checkpoint.
        checkpoint: u64,
        /// The manifest's size, bytes.
        metadata_bytes: u64,
    },
    /// The manifest could not be stored.
    PublishFailed {
        /// Of which checkpoint.
        checkpoint: u64,
        /// Why.
        reason: String,
    },
    /// Every subtask runs.
    TasksReady,
    /// A subtask has died, or the job with it: checkpoints under way cannot complete, new ones are refused.
    JobFailed {
        /// Why.
        reason: String,
    },
    /// Found at a start: a checkpoint the dead process had begun.
    Lost(Lost),
    /// Found at a start: a checkpoint the dead process had published, and had perhaps not told.
    Found(Found),
    /// The job ends: checkpoints under way are given up, new ones are refused.
    Stop,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Have every subtask take its part.
    Begin {
        /// The new checkpoint.
        checkpoint: u64,
        /// What it is.
        kind: Kind,
        /// Whether barriers may overtake data.
        unaligned: bool,
    },
    /// Every part is written: store the manifest.
    Publish {
        /// Of which checkpoint.
        checkpoint: u64,
    },
    /// The checkpoint is complete: tell the subtasks.
    Completed {
        /// Which one.
        checkpoint: u64,
    },
    /// The checkpoint is given up: tell the subtasks, remove what was written.
    Abort {
        /// Which one.
        checkpoint: u64,
        /// Why.
        reason: AbortReason,
    },
    /// Retention has ended: remove these.
    Forget {
        /// Ids, oldest first.
        checkpoints: Vec<u64>,
    },
    /// More failures in a row than are tolerable.
    FailJob {
        /// The last one.
        reason: AbortReason,
    },
    /// The answer to a [`Ticket`].
    Answer {
        /// Whose.
        ticket: Ticket,
        /// The id of the completed checkpoint, or why there is none.
        result: Result<u64, AbortReason>,
    },
    /// A span to report.
    Span(Box<Span>),
}

/// Where a coordinator goes on after a start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resumed {
    /// The highest id ever used, also by checkpoints that failed; 0 before the first.
    pub last_id: u64,
    /// Complete checkpoints that retention counts, oldest first.
    pub retained: Vec<u64>,
}
