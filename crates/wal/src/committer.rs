//! The one thread that writes: it takes all batches that wait, writes them, syncs once, tells.
//!
//! ```text
//!   submit ──► waiting batches ──► [take all ► append ► one sync ► Committed] ──► loop
//!                                       │ no space          │ failure
//!                                       ▼                   ▼
//!                           Full, again every 200 ms      Failed, for good
//! ```

mod queue;
mod writer;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use crate::batch::Batch;
use crate::counters::Counters;
use crate::disk::Disk;
use crate::log::Log;
use queue::Queue;

/// What the committer tells, on its own thread. The receiver must not call the committer back in a way
/// that can block ([`Committer::submit`], [`Committer::stop`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogEvent<'a> {
    /// Everything up to these seqs is durable: `(partition, last seq)`, one entry per partition that
    /// moved, ascending.
    Committed(&'a [(u16, u64)]),
    /// The disk has become full. What waits goes on waiting and is tried again; nothing is lost.
    Full {
        /// Bytes that wait, this event's own batches included.
        pending_bytes: u64,
        /// What the log said.
        message: String,
    },
    /// A write went through again after [`LogEvent::Full`].
    SpaceReturned,
    /// Segments could not be removed; the log goes on.
    TrimFailed(String),
    /// The log failed. Sent once, nothing is written or committed afterwards.
    Failed(String),
}

/// How the log is, cheap to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogStatus {
    /// It writes.
    Healthy,
    /// It waits for space: refuse new work, make space.
    Full,
    /// It never writes again: stop the process. Holds the reason.
    Failed(String),
}

/// Why a batch was not taken.
#[derive(Debug)]
pub enum SubmitError {
    /// Try again later: [`crate::Options::pending_bytes_max`] is reached. The batch comes back.
    Busy(Batch),
    /// Stop the process: the log has failed and never writes again. Holds the reason.
    Failed(String),
}

impl fmt::Display for SubmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SubmitError::Busy(batch) => {
                write!(f, "the log has no room for {} more waiting bytes", batch.bytes())
            }
            SubmitError::Failed(reason) => write!(f, "the log has failed: {reason}"),
        }
    }
}

impl std::error::Error for SubmitError {}

/// A handle to the writing thread. Dropping it commits what waits and joins the thread.
#[derive(Debug)]
pub struct Committer {
    queue: Arc<Queue>,
    counters: Arc<Counters>,
    thread: Option<JoinHandle<()>>,
}

impl Committer {
    /// Starts the thread, which owns the log from now on.
    pub fn start<D: Disk>(
        log: Log<D>,
        on_event: impl FnMut(LogEvent<'_>) + Send + 'static,
    ) -> io::Result<Committer> {
        let queue = Arc::new(Queue::new(log.options().pending_bytes_max));
        let (counters, shared) = (log.counters(), Arc::clone(&queue));
        let thread = std::thread::Builder::new()
            .name("everspan-log".to_owned())
            .spawn(move || writer::run(log, &shared, on_event))?;
        Ok(Committer {
            queue,
            counters,
            thread: Some(thread),
        })
    }

    /// An empty batch, with a buffer used before if there is one.
    pub fn batch(&self) -> Batch {
        self.queue.spare_batch()
    }

    /// Hands over a batch; it is durable when a [`LogEvent::Committed`] covers it. Blocks while
    /// [`crate::Options::pending_bytes_max`] is exceeded, so also while the disk is full: a thread that
    /// has to make space uses [`Committer::try_submit`].
    pub fn submit(&self, batch: Batch) -> Result<(), SubmitError> {
        self.queue.push_waiting(batch)
    }

    /// Like [`Committer::submit`], but gives the batch back where that would block.
    pub fn try_submit(&self, batch: Batch) -> Result<(), SubmitError> {
        self.queue.try_push(batch)
    }

    /// Lets the thread remove segments all of whose records are persisted elsewhere: see [`Log::trim`].
    /// The map replaces the one of an earlier call that has not been used yet.
    pub fn trim(&self, persisted: BTreeMap<u16, u64>) {
        self.queue.request_trim(persisted);
    }

    /// How the log is.
    pub fn status(&self) -> LogStatus {
        self.queue.status()
    }

    /// What the log has done.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Commits what waits and joins the thread; the same as dropping. On a full disk it tries once
    /// more, then gives up what was never acknowledged.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.queue.request_stop();
        if let Some(thread) = self.thread.take() {
            // A panic in there has already become `LogStatus::Failed`.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests;
