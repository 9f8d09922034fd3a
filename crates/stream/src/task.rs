//! One subtask: a chain with its head, stepped by its caller.
//!
//! ```text
//!   thread, or simulation ── order, step ──► Subtask ── record, signal ──► chain ──► channels of other subtasks
//!                         ◄── Step ────────
//! ```
//!
//! A subtask never waits and has no clock: a step does a bounded piece of work with what is there and says what it
//! would wait for. So a thread can drive it, and a simulation too.

mod alignment;
mod chain;
mod chained;
mod context;
mod gate;
mod in_flight;
pub mod snapshot;
mod source;

pub(crate) use chained::ChainedFactory;
pub use context::{NO_TIMESTAMP, SubtaskFigures, TaskContext};
pub(crate) use gate::{GateHead, Restoring};
pub(crate) use in_flight::InFlight;
pub(crate) use source::SourceHead;

use everspan_checkpoint::Now;
use everspan_state::Compaction;

use crate::failure::Failure;
use crate::task::snapshot::{Barrier, Snapshot};

/// Records that a step handles at most before it looks at anything else.
pub const STEP_RECORDS: usize = 1024;

/// The time up to which no record can be: before the first watermark.
pub const NO_WATERMARK: i64 = i64::MIN;

/// The watermark after the last record.
pub const END_WATERMARK: i64 = i64::MAX;

/// What a step ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It did something: there may be more to do.
    Worked,
    /// Nothing to do until woken, or until this processing time in ms.
    Idle {
        /// Ms since the Unix epoch.
        until: Option<i64>,
    },
    /// A receiver has no room; the subtask is woken when it has.
    BackPressured {
        /// At this processing time it is to be stepped nevertheless, ms since the Unix epoch.
        until: Option<i64>,
    },
    /// The input has ended and everything was sent on. Barriers are still answered.
    Ended {
        /// At this processing time one of them begins to overtake, ms since the Unix epoch.
        until: Option<i64>,
    },
}

/// What a subtask is told from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Sources: a checkpoint begins here.
    Begin(Barrier),
    /// The checkpoint has completed.
    Completed(u64),
    /// The checkpoint was given up.
    Aborted(u64),
}

/// A subtask as its driver sees it.
pub trait Subtask: Send {
    /// Opens every operator. To be called once, first.
    ///
    /// # Errors
    ///
    /// What an operator failed with.
    fn open(&mut self, now: Now) -> Result<(), Failure>;

    /// Does a bounded piece of work.
    ///
    /// # Errors
    ///
    /// What an operator failed with; the subtask must not be stepped any more.
    fn step(&mut self, now: Now) -> Result<Step, Failure>;

    /// Tells the subtask something.
    ///
    /// # Errors
    ///
    /// As [`step`](Self::step).
    fn order(&mut self, order: Order, now: Now) -> Result<(), Failure>;

    /// Parts of checkpoints that are ready to be written since the last call.
    fn take_snapshots(&mut self) -> Vec<Snapshot>;

    /// How long reading state back took while it opened, if there was any.
    fn restore_time(&self) -> Option<std::time::Duration>;

    /// How long processing the data in flight of a checkpoint took while it opened; zero when there was none.
    fn gate_restore_time(&self) -> std::time::Duration;

    /// Compactions that go on since it opened; told once.
    fn take_compactions(&mut self) -> Vec<Compaction>;

    /// Closes every operator.
    ///
    /// # Errors
    ///
    /// What an operator failed with; the others were closed nevertheless.
    fn close(&mut self, now: Now) -> Result<(), Failure>;
}
