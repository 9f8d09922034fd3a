//! A running job, for whoever started it.

use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

use everspan_checkpoint::{AbortReason, Kind};

use super::JobExecutionResult;
use super::error::JobError;
use super::inbox::{ANY_RUN, Sender};
use super::job::ReadyJob;
use super::monitor::{JobStatus, Monitor};
use super::options::JobOptions;
use super::run::Message;
use crate::graph::Graph;

/// A job that runs on threads of this process. Dropping the handle lets it run on.
pub struct JobHandle {
    thread: JoinHandle<Result<JobExecutionResult, JobError>>,
    control: JobControl,
}

/// Asks something of a running job. Cheap to clone, usable from any thread.
#[derive(Clone)]
pub struct JobControl {
    sender: Sender,
    monitor: Monitor,
}

impl JobHandle {
    pub(crate) fn start(name: &str, graph: Graph, options: JobOptions) -> Result<Self, JobError> {
        let job = ReadyJob::new(name, graph, options)?;
        let control = JobControl::of(&job);
        let thread = std::thread::Builder::new()
            .name("everspan-job".to_owned())
            .spawn(move || job.run())
            .map_err(JobError::Thread)?;
        Ok(Self { thread, control })
    }

    /// Waits until the job has ended.
    ///
    /// # Errors
    ///
    /// Why it failed, when it is not restarted any more.
    pub fn wait(self) -> Result<JobExecutionResult, JobError> {
        self.thread
            .join()
            .expect("panics of subtasks are caught, and the rest does not panic")
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// For whoever is to ask something of the job.
    pub fn control(&self) -> JobControl {
        self.control.clone()
    }
}

impl JobControl {
    pub(crate) fn of(job: &ReadyJob) -> Self {
        Self {
            sender: job.sender(),
            monitor: job.monitor(),
        }
    }

    /// Makes a checkpoint now and waits until it has completed; returns its number.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn checkpoint(&self) -> Result<u64, AbortReason> {
        self.ask(Kind::Checkpoint)
    }

    /// Makes a savepoint and waits until it has completed; returns its number. It is kept until the user removes it.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn savepoint(&self) -> Result<u64, AbortReason> {
        self.ask(Kind::Savepoint)
    }

    /// Makes a savepoint with which the job ends: nothing is processed behind it. Returns its number.
    ///
    /// # Errors
    ///
    /// Why there is none; the job runs on then.
    pub fn stop_with_savepoint(&self) -> Result<u64, AbortReason> {
        self.ask(Kind::TerminateSavepoint)
    }

    /// Ends the job now, without a savepoint. Checkpoints stay.
    pub fn cancel(&self) {
        // A job that has ended is cancelled, too.
        drop(self.sender.send((ANY_RUN, Message::Cancel)));
    }

    /// What can be seen of the job now.
    pub fn status(&self) -> JobStatus {
        self.monitor.status()
    }

    fn ask(&self, kind: Kind) -> Result<u64, AbortReason> {
        // Without an answer the job has ended.
        let answer = self.request(kind).recv();
        answer.unwrap_or(Err(AbortReason::Stopping))
    }

    /// Asks for a checkpoint; the answer comes some time, unless the job ends.
    pub(crate) fn request(&self, kind: Kind) -> Receiver<Result<u64, AbortReason>> {
        let (asker, answer) = channel();
        // A job that has ended answers nobody.
        drop(self.sender.send((ANY_RUN, Message::Ask(kind, asker))));
        answer
    }
}
