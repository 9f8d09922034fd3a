//! The queue between the callers, the sending thread and the thread that writes to disk: batches of encoded spans in
//! one order, the older ones on disk when memory has no room for all.
//!
//! ```text
//!   oldest                                                      youngest
//!   [7 disk] [8 disk] [9 disk+memory] │ [10 memory] [11 memory] [12 open] ◄── push
//!      └─► sender                     └─► keeper (to disk)
//! ```
//!
//! Callers append to the youngest batch, the sender takes the oldest. It is woken when it sleeps without a timer and a
//! first span comes, and when a batch is full; otherwise a push is an append under a short lock and no more.
//!
//! ```text
//!            push (first span)                  timer, or batch full
//!   Asleep ───────────────────► WaitsForTimer ──────────────────────► Busy ── queue empty ─► WaitsForTimer
//!     ▲                              │ timer, nothing came                                       (once more)
//!     └──────────────────────────────┘
//! ```

mod disk;
mod entry;
mod state;
mod tickets;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::spool::{Found, Place};
use crate::{Batch, Counters, Mark};
use state::{Life, Loss, State, Task, is_full};

pub(crate) use disk::Chore;

/// Shared by the sinks, the two threads and the pipeline.
#[derive(Debug)]
pub(crate) struct Queue {
    limits: Limits,
    state: Mutex<State>,
    /// Wakes the sender.
    pub(crate) wake: Notify,
    /// Ends the delivery that is under way.
    pub(crate) cut: Notify,
    /// Tells those who wait for a flush that batches are done with.
    progress: Notify,
    /// Wakes the keeper.
    chores: Condvar,
    /// Tells those who hold tickets that spans are safe.
    safe: Condvar,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) batch_delay: Duration,
    pub(crate) batch_spans_max: usize,
    pub(crate) queue_bytes_max: usize,
    /// Whether a keeper writes to disk what memory has no room for.
    pub(crate) has_spool: bool,
}

/// Spans of one scope, as they are pushed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece<'a> {
    pub(crate) scope: &'a str,
    pub(crate) encoded: &'a [u8],
    pub(crate) count: usize,
}

/// What waited when somebody asked that it leave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flush {
    /// The number of the youngest batch; 0 if there was none.
    youngest: u64,
    /// Spans that no destination has taken, before.
    lost: u64,
}

/// What the sender does next.
#[derive(Debug)]
pub(crate) enum Step {
    Deliver(u64, Arc<Batch>),
    /// The oldest batch is on disk only.
    Read(u64, Place),
    SleepUntil(Instant),
    Sleep,
    /// The queue is closed and empty, or given up.
    Stop,
}

impl Queue {
    /// With the batches that were `found` on disk; batches from now on are numbered from `next_number`.
    pub(crate) fn new(limits: Limits, found: &[Found], next_number: u64) -> Self {
        Self {
            limits,
            state: Mutex::new(State::new(found, next_number)),
            wake: Notify::new(),
            cut: Notify::new(),
            progress: Notify::new(),
            chores: Condvar::new(),
            safe: Condvar::new(),
        }
    }

    pub(crate) fn counters(&self) -> Counters {
        self.lock().counters
    }

    /// Takes spans in, all of a piece or none, and how far they reach: all in one batch, so that a batch which is taken has
    /// no span of a record that its marks do not reach.
    pub(crate) fn push<'a>(&self, pieces: impl Iterator<Item = Piece<'a>> + Clone, marks: &[Mark]) {
        if self.push_quietly(pieces, marks) {
            self.wake.notify_one();
        }
    }

    /// Whether the sender must be woken.
    fn push_quietly<'a>(&self, pieces: impl Iterator<Item = Piece<'a>> + Clone, marks: &[Mark]) -> bool {
        let bytes = pieces.clone().map(|piece| piece.encoded.len()).sum();
        let mut state = self.lock();
        let mut fits = state.youngest_fits(self.limits, bytes);
        for piece in pieces.filter(|piece| piece.count > 0) {
            state.take_in(self.limits, piece, &mut fits);
        }
        if state.life == Life::Open {
            state.mark(marks);
        }
        if state.disk.is_idle && state.is_pressed(self.limits) {
            state.disk.is_idle = false;
            self.chores.notify_one();
        }
        state.wants_task(self.limits)
    }

    /// What the sender does next, at the time `now`.
    pub(crate) fn next_step(&self, now: Instant) -> Step {
        let mut state = self.lock();
        state.given_up = None;
        if state.life >= Life::Saving {
            return Step::Stop;
        }
        let Some(oldest) = state.entries.front() else {
            return state.rest(now);
        };
        let due = oldest.opened_at + self.limits.batch_delay;
        let leaves_now = due <= now
            || oldest.number <= state.flush_upto
            || state.life != Life::Open
            || state.entries.len() > 1
            || oldest.place.is_some()
            || is_full(oldest.spans, self.limits);
        if !leaves_now {
            state.task = Task::WaitsForTimer { until: due };
            return Step::SleepUntil(due);
        }
        state.task = Task::Busy;
        let oldest = state.entries.front_mut().expect("the queue has an oldest batch");
        let number = oldest.number;
        let step = match (oldest.seal(), oldest.place) {
            (Some(batch), _) => Step::Deliver(number, batch),
            (None, place) => Step::Read(number, place.expect("what memory does not have is on disk")),
        };
        state.under_way = Some(number);
        step
    }

    /// Batch `number` is done with: it was delivered, but for `rejected` spans. Its place on disk, if it has one.
    pub(crate) fn settle(
        &self,
        number: u64,
        batch: Arc<Batch>,
        rejected: u64,
        now: Instant,
    ) -> Option<Place> {
        let mut state = self.lock();
        let spans = batch.spans() as u64;
        let rejected = rejected.min(spans);
        let place = match state.remove(number) {
            Some(entry) => entry.place,
            None => {
                state.take_back_loss(number, spans);
                None
            }
        };
        state.counters.exported += spans - rejected;
        state.counters.dropped.rejected += rejected;
        state.is_failing = false;
        state.rest_after_batch(now + self.limits.batch_delay);
        if let Ok(batch) = Arc::try_unwrap(batch) {
            state.keep_buffers(batch);
        }
        self.tell_progress(state);
        place
    }

    /// Batch `number` could not be read back.
    pub(crate) fn lose_damaged(&self, number: u64, now: Instant) -> Option<Place> {
        let mut state = self.lock();
        let entry = state.remove(number)?;
        state.counters.dropped.spool_damaged += entry.spans;
        state.rest_after_batch(now);
        self.tell_progress(state);
        entry.place
    }

    /// Whether the sender should try this batch again.
    pub(crate) fn is_wanted(&self, number: u64) -> bool {
        let state = self.lock();
        state.life < Life::Saving
            && state
                .entries
                .front()
                .is_some_and(|oldest| oldest.number == number)
    }

    /// An attempt to deliver a batch failed.
    pub(crate) fn count_failure(&self) {
        let mut state = self.lock();
        state.counters.failed_deliveries += 1;
        state.is_failing = true;
        self.chores.notify_one();
    }

    /// So often a sender process was started again.
    pub(crate) fn note_restarts(&self, restarts: u64) {
        self.lock().counters.sender_restarts = restarts;
    }

    /// The destination takes nothing now. A queue that is closed waits no longer for it: with a spool that has room,
    /// the rest is the keeper's.
    pub(crate) fn leave_rest_if_closed(&self) {
        let state = self.lock();
        let leaves = state.life == Life::Closed && self.limits.has_spool && !state.disk.is_blocked();
        drop(state);
        if leaves {
            self.stop();
        }
    }

    /// All batches that wait leave without delay.
    pub(crate) fn begin_flush(&self) -> Flush {
        let mut state = self.lock();
        let flush = state.flush();
        state.flush_upto = flush.youngest;
        drop(state);
        self.wake.notify_one();
        flush
    }

    /// From now on pushed spans are dropped, and what waits leaves without delay.
    pub(crate) fn close(&self) -> Flush {
        let mut state = self.lock();
        state.life = state.life.max(Life::Closed);
        let flush = state.flush();
        drop(state);
        self.wake.notify_one();
        flush
    }

    /// Until all batches of the flush are done with, or nothing goes out any more; whether the destination took all
    /// of them.
    pub(crate) async fn flushed(&self, flush: Flush) -> bool {
        loop {
            let progress = self.progress.notified();
            tokio::pin!(progress);
            // Before the look at the queue, so that nothing is missed in between.
            progress.as_mut().enable();
            if let Some(all_taken) = self.lock().flushed(flush) {
                return all_taken;
            }
            progress.await;
        }
    }

    /// Lets no batch go out any more. With a spool, what memory has is the keeper's now; without one it is given up.
    pub(crate) fn stop(&self) {
        let mut state = self.lock();
        if state.life < Life::Saving {
            state.life = Life::Saving;
            state.disk.try_again();
            if !self.limits.has_spool {
                state.give_up_memory(u64::MAX, Loss::Shutdown);
                state.life = Life::Over;
            }
        }
        self.chores.notify_one();
        self.tell_progress(state);
        self.cut.notify_one();
        self.wake.notify_one();
    }

    fn tell_progress(&self, state: MutexGuard<'_, State>) {
        drop(state);
        self.progress.notify_waiters();
        self.safe.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock panics half-way; a poisoned queue would only lose spans.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
