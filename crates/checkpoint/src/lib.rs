//! Checkpoints and starts of a job, decided and told, never done.
//!
//! A [`Coordinator`] says when a checkpoint begins, whether it is complete, when it is given up and which old ones may
//! be forgotten. An [`Initialization`] follows a start until every subtask has reported. Both are state machines: they
//! take what happened and the time, and return what is to be done, spans included. Whoever owns the threads, the
//! store and the clock carries it out: the server for its partitions, a stream job for its subtasks.
//!
//! ```text
//!            Trigger, Tick                      all Acks                Published
//!  (nothing) ─────────────► Pending ──────────────────► Publishing ─────────────► completed ─► retained ─► forgotten
//!      │                       │ Decline, timeout, job failed │ PublishFailed, timeout
//!      └── refused ──────────► failed ◄───────────────────────┘
//! ```
//!
//! Every checkpoint that ends, and every trigger that is refused, leaves a `Checkpoint` span; every start leaves a
//! `JobInitialization` span.
//!
//! This crate must never read a clock, run a thread, touch a file, or know what a partition is.

mod coordinator;
mod initialization;
mod job;
mod options;
mod reason;
mod spans;
mod statistics;
mod subtask_stats;
mod time;

pub use coordinator::{Coordinator, Found, Input, Kind, Lost, Output, Resumed, Ticket};
pub use initialization::{Initialization, Location, Report, Restored};
pub use job::{Job, Run, SubtaskId, Task};
pub use options::{DetailLevel, Options};
pub use reason::AbortReason;
pub use spans::job_failure;
pub use statistics::{CheckpointSummary, Counts, Statistics};
pub use subtask_stats::SubtaskStats;
pub use time::Now;
