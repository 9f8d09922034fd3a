//! What a chain is made of: stages, each of which owns the next one.
//!
//! ```text
//!  head ──record──► Map ──record──► Filter ──record──► ExchangeOut
//!       ──signal──►     ──signal──►        ──signal──►
//! ```
//!
//! A chain is one nested type, so a record passes through it in plain calls that the compiler inlines. Everything
//! that is not a record is a [`Signal`] and passes the same way. A stage has no thread and no clock; it never waits.

use crate::task::TaskContext;
use crate::task::snapshot::BarrierPass;

/// One operator of a chain, with everything behind it.
pub trait Stage<T>: Send {
    /// Takes one record, whose time is [`TaskContext::timestamp`].
    fn record(&mut self, record: T, task: &mut TaskContext);

    /// As [`record`](Self::record), with a record that others look at, too: who has a use for it clones it.
    #[inline]
    fn shared_record(&mut self, record: &T, task: &mut TaskContext)
    where
        T: Clone,
    {
        self.record(record.clone(), task);
    }

    /// Takes anything else, and hands it on to the next stage.
    fn signal(&mut self, signal: &mut Signal<'_>, task: &mut TaskContext);
}

impl<T, S: Stage<T> + ?Sized> Stage<T> for Box<S> {
    fn record(&mut self, record: T, task: &mut TaskContext) {
        (**self).record(record, task);
    }

    fn shared_record(&mut self, record: &T, task: &mut TaskContext)
    where
        T: Clone,
    {
        (**self).shared_record(record, task);
    }

    fn signal(&mut self, signal: &mut Signal<'_>, task: &mut TaskContext) {
        (**self).signal(signal, task);
    }
}

/// What passes through a chain beside records.
pub enum Signal<'a> {
    /// Before the first record. The last stage opens first: whoever opens may emit.
    Open,
    /// No record with an earlier or equal time comes any more.
    Watermark(i64),
    /// The inputs are idle: their watermark does not count; or they are idle no more.
    Idle(bool),
    /// The time that a stage asked for with [`TaskContext::wake_at`], or a later one, has come.
    Time(i64),
    /// A step of the subtask ends: what a stage has put off until there is more to do at once, it does now.
    StepEnds,
    /// Partly filled batches leave now.
    Flush,
    /// There may be room again for batches that found none.
    Drain,
    /// A checkpoint's barrier: every stage adds its state, and the exchanges send the barrier on.
    Barrier(&'a mut BarrierPass),
    /// A checkpoint has completed: what it holds may be made visible.
    Completed(u64),
    /// A checkpoint was given up.
    Aborted(u64),
    /// The input has ended.
    End,
    /// The chain is not used any more. The first stage closes first.
    Close,
}
