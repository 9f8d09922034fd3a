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
    /// A subtask failed, and the restart strategy does not restart the job again.
    Failed {
        /// Its task and number.
        subtask: String,
        /// What happened.
        failure: Failure,
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
            Self::Thread(error) => write!(f, "no thread for a subtask: {error}"),
        }
    }
}

impl std::error::Error for JobError {}
