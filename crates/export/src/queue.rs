//! The queue between the callers and the sending task: batches of encoded spans, bounded in bytes.
//!
//! Callers append to the youngest batch, the task takes the oldest. The task is woken when it sleeps without a timer
//! and a first span comes, and when a batch is full; otherwise a push is an append under a short lock and no more.
//!
//! ```text
//!            push (first span)                  timer, or batch full
//!   Asleep ───────────────────► WaitsForTimer ──────────────────────► Busy ── queue empty ─► WaitsForTimer
//!     ▲                              │ timer, nothing came                                       (once more)
//!     └──────────────────────────────┘
//! ```

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::{Batch, Counters, Mark};

/// A batch with more bytes than this leaves at once; collectors refuse messages above 4 MiB.
const BATCH_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Cleared buffers kept for reuse.
const SPARE_BUFFERS_MAX: usize = 4;

/// Shared by the sinks, the task and the pipeline.
#[derive(Debug)]
pub(crate) struct Queue {
    limits: Limits,
    state: Mutex<State>,
    /// Wakes the sending task.
    pub(crate) wake: Notify,
    /// Tells those who wait for a flush that spans are done with.
    pub(crate) progress: Notify,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) batch_delay: Duration,
    pub(crate) batch_spans_max: usize,
    pub(crate) queue_bytes_max: usize,
}

/// A batch and since when it waits.
#[derive(Debug)]
struct Waiting {
    batch: Batch,
    opened_at: Instant,
}

/// What the task does next.
#[derive(Debug)]
pub(crate) enum Step {
    Send(Batch),
    SleepUntil(Instant),
    Sleep,
    /// The queue is closed and empty.
    Stop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    Asleep,
    WaitsForTimer { until: Instant },
    Busy,
}

/// Whether spans still come in and go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Open,
    /// None come in; those that wait go out.
    Closed,
    /// Those that waited were counted as dropped.
    Abandoned,
}

#[derive(Debug)]
struct State {
    batches: VecDeque<Waiting>,
    /// Bytes in `batches` and in the batch that is under way.
    bytes: usize,
    task: Task,
    is_flushing: bool,
    life: Life,
    spare: Vec<Vec<u8>>,
    counters: Counters,
}

impl Queue {
    pub(crate) fn new(limits: Limits) -> Self {
        let state = State {
            batches: VecDeque::new(),
            bytes: 0,
            task: Task::Asleep,
            is_flushing: false,
            life: Life::Open,
            spare: Vec::new(),
            counters: Counters::default(),
        };
        Self {
            limits,
            state: Mutex::new(state),
            wake: Notify::new(),
            progress: Notify::new(),
        }
    }

    pub(crate) fn counters(&self) -> Counters {
        self.lock().counters
    }

    /// Whether the task must be woken.
    pub(crate) fn push(&self, scope: &str, encoded: &[u8], count: usize, marks: &[Mark]) -> bool {
        let mut state = self.lock();
        if count == 0 {
            state.mark(marks);
            return false;
        }
        if state.life != Life::Open {
            state.counters.dropped.shutdown += count as u64;
            return false;
        }
        if state.bytes + encoded.len() > self.limits.queue_bytes_max {
            state.counters.dropped.queue_full += count as u64;
            return false;
        }
        state.counters.queued += count as u64;
        state.bytes += encoded.len();
        state.append(self.limits, scope, encoded, count);
        state.mark(marks);
        state.wants_task(self.limits)
    }

    /// What the task does next, at the time `now`.
    pub(crate) fn next_step(&self, now: Instant) -> Step {
        let mut state = self.lock();
        let Some(oldest) = state.batches.front() else {
            return state.rest(now);
        };
        let due = oldest.opened_at + self.limits.batch_delay;
        let leaves_now = due <= now
            || state.is_flushing
            || state.life != Life::Open
            || state.batches.len() > 1
            || is_full(&oldest.batch, self.limits);
        if !leaves_now {
            state.task = Task::WaitsForTimer { until: due };
            return Step::SleepUntil(due);
        }
        state.task = Task::Busy;
        let oldest = state.batches.pop_front().expect("the queue has an oldest batch");
        Step::Send(oldest.batch)
    }

    /// A batch was accepted, but for `rejected` spans.
    pub(crate) fn settle(&self, batch: Batch, rejected: u64, now: Instant) {
        let mut state = self.lock();
        if state.life == Life::Abandoned {
            return;
        }
        let spans = batch.spans() as u64;
        let rejected = rejected.min(spans);
        state.counters.exported += spans - rejected;
        state.counters.dropped.rejected += rejected;
        state.counters.queued -= spans;
        state.bytes -= batch.bytes();
        state.task = Task::WaitsForTimer {
            until: now + self.limits.batch_delay,
        };
        state.keep_buffers(batch);
        drop(state);
        self.progress.notify_waiters();
    }

    /// An attempt to send a batch failed.
    pub(crate) fn count_failure(&self) {
        self.lock().counters.failed_deliveries += 1;
    }

    /// Batches leave without delay until the queue is empty.
    pub(crate) fn begin_flush(&self) {
        self.lock().is_flushing = true;
        self.wake.notify_one();
    }

    /// From now on pushed spans are dropped, and what waits leaves without delay.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        if state.life == Life::Open {
            state.life = Life::Closed;
        }
        drop(state);
        self.wake.notify_one();
    }

    /// Gives up what waits, also the batch that is under way.
    pub(crate) fn abandon(&self) {
        let mut state = self.lock();
        state.life = Life::Abandoned;
        state.counters.dropped.shutdown += state.counters.queued;
        state.counters.queued = 0;
        state.bytes = 0;
        state.batches.clear();
        drop(state);
        self.progress.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock panics half-way; a poisoned queue would only lose spans.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Appends to the youngest batch, or to a new one when that has no room.
    fn append(&mut self, limits: Limits, scope: &str, encoded: &[u8], count: usize) {
        let fits = |waiting: &Waiting| {
            !is_full(&waiting.batch, limits) && waiting.batch.bytes() + encoded.len() <= BATCH_BYTES_MAX
        };
        if !self.batches.back().is_some_and(fits) {
            self.batches.push_back(Waiting {
                batch: Batch::new(),
                opened_at: Instant::now(),
            });
        }
        let youngest = self.batches.back_mut().expect("a batch is open");
        let spare = &mut self.spare;
        youngest
            .batch
            .push_with(scope, encoded, count, || spare.pop().unwrap_or_default());
    }

    /// Marks reach as far as the youngest batch.
    fn mark(&mut self, marks: &[Mark]) {
        if let Some(youngest) = self.batches.back_mut() {
            for mark in marks {
                youngest.batch.mark(*mark);
            }
        }
    }

    /// After a push: whether the task sleeps although it has something to do.
    fn wants_task(&mut self, limits: Limits) -> bool {
        let is_due = self.batches.len() > 1
            || self
                .batches
                .back()
                .is_some_and(|waiting| is_full(&waiting.batch, limits));
        let wakes = match self.task {
            Task::Asleep => true,
            Task::WaitsForTimer { .. } => is_due,
            Task::Busy => false,
        };
        if wakes {
            self.task = Task::Busy;
        }
        wakes
    }

    /// Nothing waits: the task stays on its timer once more, so that a steady flow of spans needs no wake-ups.
    fn rest(&mut self, now: Instant) -> Step {
        self.is_flushing = false;
        if self.life != Life::Open {
            return Step::Stop;
        }
        match self.task {
            Task::WaitsForTimer { until } if until > now => Step::SleepUntil(until),
            _ => {
                self.task = Task::Asleep;
                Step::Sleep
            }
        }
    }

    fn keep_buffers(&mut self, batch: Batch) {
        for mut buffer in batch.into_buffers() {
            if self.spare.len() < SPARE_BUFFERS_MAX {
                buffer.clear();
                self.spare.push(buffer);
            }
        }
    }
}

fn is_full(batch: &Batch, limits: Limits) -> bool {
    batch.spans() >= limits.batch_spans_max
}

#[cfg(test)]
mod tests;
