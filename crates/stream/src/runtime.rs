//! Threads around a graph: one per subtask, and one that leads.
//!
//! ```text
//!  job (restarts) ── run ── master (decides) ── coordinator
//!                     ├── crew: subtask threads
//!                     └── part writers ── checkpoint store
//! ```
//!
//! A simulation has another crew: itself, see `stepped`.

mod at_stores;
mod clock;
mod crew;
pub(crate) mod error;
pub(crate) mod handle;
mod host;
mod inbox;
mod job;
mod mailbox;
mod master;
mod monitor;
pub(crate) mod options;
mod own_dir;
mod part_writer;
pub(crate) mod restart;
mod restore;
mod run;
mod seat;
pub(crate) mod state_options;
pub(crate) mod stepped;
mod stores;
mod subtask_driver;
mod subtask_thread;
mod working_state;

use everspan_trace::{Span, SpanReceiver};

pub(crate) use handle::{JobControl, JobHandle};
pub use monitor::{JobState, JobStatus, SubtaskStatus, TaskStatus};

/// What a job that has ended without a failure tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobExecutionResult {
    /// From its start to its end, restarts included.
    pub net_runtime: std::time::Duration,
    /// Whether someone ended it before its input did.
    pub cancelled: bool,
}

/// Takes no span.
struct NoSpans;

impl SpanReceiver for NoSpans {
    fn add(&self, _span: Span) {}

    fn wants(&self, _scope: &str, _name: &str) -> bool {
        false
    }
}
