//! Why a job did not run to its end.

use std::fmt;

use crate::failure::Failure;

/// See the module.
#[derive(Debug)]
#[non_exhaustive]
pub enum JobError {
    /// Two operators have the same uid.
    UidTwice(String),
    /// A task is to have more subtasks than there are key groups.
    Parallelism {
        /// The task.
        task: String,
        /// How many subtasks.
        parallelism: usize,
        /// How many key groups.
        max_parallelism: u16,
    },
    /// An option that cannot be, with its key and value.
    Option(String),
    /// A subtask failed, and the restart strategy does not restart the job again.
    Failed {
        /// Its task and number.
        subtask: String,
        /// What happened.
        failure: Failure,
    },
    /// The job failed as a whole, and is not restarted again: too many checkpoints did.
    Checkpoints(String),
    /// No checkpoint is whole.
    Damaged(String),
    /// A checkpoint cannot be restored now: its store is away, or this host has no room for it.
    Restore(String),
    /// A checkpoint cannot be restored by this program, or is not there: trying again does not help.
    Unrestorable(String),
    /// A checkpoint holds state of an operator that the program has not.
    Unclaimed {
        /// The checkpoint.
        checkpoint: u64,
        /// The operator.
        uid: String,
    },
    /// The system gave no thread.
    Thread(std::io::Error),
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UidTwice(uid) => write!(f, "two operators have the uid `{uid}`: give each its own"),
            Self::Parallelism {
                task,
                parallelism,
                max_parallelism,
            } => write!(
                f,
                "task `{task}` is to have {parallelism} subtasks, but pipeline.max-parallelism is {max_parallelism}"
            ),
            Self::Failed { subtask, failure } => write!(f, "subtask {subtask} failed: {failure}"),
            Self::Checkpoints(reason) => write!(f, "checkpoints fail: {reason}"),
            Self::Option(reason)
            | Self::Damaged(reason)
            | Self::Restore(reason)
            | Self::Unrestorable(reason) => f.write_str(reason),
            Self::Unclaimed { checkpoint, uid } => write!(
                f,
                "checkpoint {checkpoint} holds state of the operator `{uid}`, which the program does not have: \
                 execution.state-recovery.ignore-unclaimed-state drops it"
            ),
            Self::Thread(error) => write!(f, "no thread for a subtask: {error}"),
        }
    }
}

impl std::error::Error for JobError {}

impl JobError {
    /// Whether trying again may help: not when the program or the checkpoint is what is wrong.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Failed { failure, .. } => !failure.is_final,
            Self::Checkpoints(_) | Self::Restore(_) | Self::Thread(_) => true,
            Self::UidTwice(_)
            | Self::Parallelism { .. }
            | Self::Option(_)
            | Self::Damaged(_)
            | Self::Unrestorable(_)
            | Self::Unclaimed { .. } => false,
        }
    }
}
