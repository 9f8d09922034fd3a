//! A chain with what every head does for it: the same whether records come from a source or from other tasks.

use std::sync::Arc;
use std::time::Duration;

use everspan_checkpoint::{Now, SubtaskStats};

use super::context::SubtaskFigures;
use super::snapshot::{Barrier, BarrierPass, OperatorState, Snapshot};
use super::{END_WATERMARK, Step, TaskContext};
use crate::failure::Failure;
use crate::stage::{Signal, Stage};

/// Partly filled batches leave at least this often while there is work; at once when there is none.
const BUFFER_TIMEOUT: Duration = Duration::from_millis(100);

/// See the module.
pub(crate) struct Chain<S> {
    pub(crate) first: S,
    pub(crate) task: TaskContext,
    snapshots: Vec<Snapshot>,
    flushed_ns: u64,
}

impl<S> Chain<S> {
    pub(crate) fn new(first: S, figures: Arc<SubtaskFigures>) -> Self {
        Self {
            first,
            task: TaskContext::new(figures),
            snapshots: Vec::new(),
            flushed_ns: 0,
        }
    }

    pub(crate) fn signal<T>(&mut self, mut signal: Signal<'_>)
    where
        S: Stage<T>,
    {
        self.first.signal(&mut signal, &mut self.task);
    }

    /// What comes before each step's work. `false`: a receiver has no room, so no work.
    pub(crate) fn begin_step<T>(&mut self, now: Now) -> bool
    where
        S: Stage<T>,
    {
        self.task.set_now(now);
        if self.task.is_blocked() {
            self.task.unblock();
            self.signal(Signal::Drain);
            if self.task.is_blocked() {
                return false;
            }
        }
        if let Some(time) = self.task.take_due() {
            self.signal(Signal::Time(time));
        }
        let timeout =
            u64::try_from(BUFFER_TIMEOUT.as_nanos()).expect("a tenth of a second is few nanoseconds");
        if now.monotonic_ns.saturating_sub(self.flushed_ns) >= timeout {
            self.flush();
        }
        true
    }

    /// What a step ends with when a receiver has no room.
    pub(crate) fn back_pressured(&self) -> Step {
        Step::BackPressured {
            // One that is over was in vain: room is what is awaited.
            until: self.task.next_wakeup_to_come(),
        }
    }

    pub(crate) fn flush<T>(&mut self)
    where
        S: Stage<T>,
    {
        self.flushed_ns = self.task.now().monotonic_ns;
        self.signal(Signal::Flush);
    }

    /// The input has ended; with `drain` its time, too, so that windows fire.
    pub(crate) fn end<T>(&mut self, drain: bool)
    where
        S: Stage<T>,
    {
        if drain && self.task.watermark() != END_WATERMARK {
            self.task.set_watermark(END_WATERMARK);
            self.signal(Signal::Watermark(END_WATERMARK));
        }
        self.signal(Signal::End);
    }

    /// The barrier passes: `head` is the state of the head itself, `first_ns` when the first of the barriers came.
    pub(crate) fn barrier<T>(&mut self, barrier: Barrier, head: Vec<OperatorState>, first_ns: u64)
    where
        S: Stage<T>,
    {
        let now_ns = self.task.now().monotonic_ns;
        let mut pass = BarrierPass {
            overtakes: barrier.overtakes(now_ns),
            barrier,
            parts: head,
        };
        self.signal(Signal::Barrier(&mut pass));
        let stats = SubtaskStats {
            start_delay: Duration::from_nanos(first_ns.saturating_sub(pass.barrier.triggered_ns)),
            alignment: Duration::from_nanos(now_ns.saturating_sub(first_ns)),
            unaligned: pass.overtakes,
            ..SubtaskStats::default()
        };
        self.snapshots.push(Snapshot {
            checkpoint: pass.barrier.checkpoint,
            parts: pass.parts,
            stats,
        });
    }

    /// Takes back the snapshot that was just made: something is still to be added.
    pub(crate) fn hold_snapshot(&mut self) -> Snapshot {
        self.snapshots.pop().expect("a barrier makes a snapshot")
    }

    pub(crate) fn release_snapshot(&mut self, snapshot: Snapshot) {
        self.snapshots.push(snapshot);
    }

    pub(crate) fn take_snapshots(&mut self) -> Vec<Snapshot> {
        std::mem::take(&mut self.snapshots)
    }

    pub(crate) fn close<T>(&mut self, now: Now) -> Result<(), Failure>
    where
        S: Stage<T>,
    {
        self.task.set_now(now);
        self.signal(Signal::Close);
        self.task.take_failure()
    }
}
