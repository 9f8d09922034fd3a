//! What the stages of one chain share while they work.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use everspan_checkpoint::Now;
use everspan_state::Compaction;

use super::NO_WATERMARK;
use super::snapshot::{Barrier, BarrierMode};
use crate::failure::{BoxError, Failure};
use crate::graph::Operator;

const NS_PER_MS: u64 = 1_000_000;

/// A record that has no time.
pub const NO_TIMESTAMP: i64 = i64::MIN;

/// Figures of one subtask, counted up since its start.
#[derive(Debug)]
pub struct SubtaskFigures {
    /// Records that came in, or that a source made.
    pub records_in: AtomicU64,
    /// Records sent to other tasks.
    pub records_out: AtomicU64,
    /// Nanoseconds of work.
    pub busy_ns: AtomicU64,
    /// Nanoseconds of waiting for room behind.
    pub back_pressured_ns: AtomicU64,
    /// Records that came too late for all their windows and were dropped.
    pub late_dropped: AtomicU64,
    /// The watermark, ms since the Unix epoch, or [`NO_WATERMARK`].
    pub watermark: AtomicI64,
}

impl Default for SubtaskFigures {
    fn default() -> Self {
        Self {
            records_in: AtomicU64::new(0),
            records_out: AtomicU64::new(0),
            busy_ns: AtomicU64::new(0),
            back_pressured_ns: AtomicU64::new(0),
            late_dropped: AtomicU64::new(0),
            watermark: AtomicI64::new(NO_WATERMARK),
        }
    }
}

/// Passed along with every record and signal of a chain.
#[derive(Debug)]
pub struct TaskContext {
    /// The time of the record that is being processed, in ms since the Unix epoch, or [`NO_TIMESTAMP`].
    pub timestamp: i64,
    /// The hash of the record's key, if it came with the record; for the first operator.
    key_hash: Option<u64>,
    now: Now,
    now_ms: i64,
    watermark: i64,
    wake_at: Option<i64>,
    /// When barriers that wait begin to overtake, ms. Each asks once.
    barriers_at: BTreeSet<i64>,
    blocked: bool,
    failure: Option<Failure>,
    figures: Arc<SubtaskFigures>,
    restore_time: Option<Duration>,
    compactions: Vec<Compaction>,
}

impl TaskContext {
    pub(crate) fn new(figures: Arc<SubtaskFigures>) -> Self {
        Self {
            timestamp: NO_TIMESTAMP,
            key_hash: None,
            now: Now {
                wall_ns: 0,
                monotonic_ns: 0,
            },
            now_ms: 0,
            watermark: NO_WATERMARK,
            wake_at: None,
            barriers_at: BTreeSet::new(),
            blocked: false,
            failure: None,
            figures,
            restore_time: None,
            compactions: Vec::new(),
        }
    }

    /// The processing time of this step, ms since the Unix epoch.
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    pub(crate) fn now(&self) -> Now {
        self.now
    }

    pub(crate) fn set_now(&mut self, now: Now) {
        self.now = now;
        self.now_ms =
            i64::try_from(now.wall_ns / NS_PER_MS).expect("nanoseconds in u64 are few milliseconds");
    }

    #[inline]
    pub(crate) fn set_key_hash(&mut self, key_hash: Option<u64>) {
        self.key_hash = key_hash;
    }

    /// The hash of the record's key, if the sender worked it out. Given once: it is not that of what comes out.
    #[inline]
    pub(crate) fn take_key_hash(&mut self) -> Option<u64> {
        self.key_hash.take()
    }

    /// The watermark of the chain's input.
    pub fn watermark(&self) -> i64 {
        self.watermark
    }

    pub(crate) fn set_watermark(&mut self, watermark: i64) {
        self.watermark = watermark;
        self.figures.watermark.store(watermark, Ordering::Relaxed);
    }

    /// State was read back, which took so long.
    pub(crate) fn restored(&mut self, took: Duration) {
        self.restore_time = Some(self.restore_time.unwrap_or_default() + took);
    }

    /// State that was read back is compacted beside the work.
    pub(crate) fn compacts(&mut self, compaction: Compaction) {
        self.compactions.push(compaction);
    }

    pub(crate) fn take_compactions(&mut self) -> Vec<Compaction> {
        std::mem::take(&mut self.compactions)
    }

    pub(crate) fn restore_time(&self) -> Option<Duration> {
        self.restore_time
    }

    /// Asks for [`Signal::Time`](crate::stage::Signal::Time) at this processing time, ms since the Unix epoch. Who
    /// asks for several times gets the earliest, and asks again.
    pub fn wake_at(&mut self, time_ms: i64) {
        self.wake_at = Some(self.wake_at.map_or(time_ms, |known| known.min(time_ms)));
    }

    /// Asks for the moment from which a barrier overtakes.
    pub(crate) fn wake_for(&mut self, barrier: &Barrier) {
        if let BarrierMode::AlignedUntil(until_ns) = barrier.mode {
            let left_ns = until_ns.saturating_sub(self.now.monotonic_ns);
            // Not before: who is woken too early is not woken again.
            let until_ms = self.now.wall_ns.saturating_add(left_ns).div_ceil(NS_PER_MS);
            let until_ms = i64::try_from(until_ms).expect("nanoseconds in u64 are few milliseconds");
            // Those of which the time has come were looked for when the step began.
            self.barriers_at = self.barriers_at.split_off(&(self.now_ms() + 1));
            self.barriers_at.insert(until_ms);
        }
    }

    pub(crate) fn next_wakeup(&self) -> Option<i64> {
        self.wake_at.into_iter().chain(self.next_overtaking()).min()
    }

    /// When the next barrier begins to overtake.
    pub(crate) fn next_overtaking(&self) -> Option<i64> {
        self.barriers_at.first().copied()
    }

    /// The next one that has not come yet.
    pub(crate) fn next_wakeup_to_come(&self) -> Option<i64> {
        let now = self.now_ms();
        let barrier_at = self.barriers_at.range(now + 1..).next().copied();
        let wake_at = self.wake_at.filter(|at| *at > now);
        wake_at.into_iter().chain(barrier_at).min()
    }

    /// Whether someone asked for a time that has come; whoever asked is to be told.
    pub(crate) fn take_due(&mut self) -> Option<i64> {
        let now = self.now_ms();
        if !self.barriers_at.is_empty() {
            self.barriers_at = self.barriers_at.split_off(&(now + 1));
        }
        self.wake_at.take_if(|due| *due <= now).map(|_| now)
    }

    /// An output has no room.
    pub(crate) fn block(&mut self) {
        self.blocked = true;
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked
    }

    pub(crate) fn unblock(&mut self) {
        self.blocked = false;
    }

    /// An operator failed: the subtask ends after this record. Only the first failure counts.
    pub fn fail(&mut self, operator: &Operator, error: impl Into<BoxError>) {
        self.failure.get_or_insert_with(|| Failure::new(operator, error));
    }

    /// Whether an operator failed.
    #[inline]
    pub fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    pub(crate) fn take_failure(&mut self) -> Result<(), Failure> {
        self.failure.take().map_or(Ok(()), Err)
    }

    pub(crate) fn received(&self, records: usize) {
        self.figures
            .records_in
            .fetch_add(records as u64, Ordering::Relaxed);
    }

    /// A record came too late for all its windows.
    pub(crate) fn drop_late(&self) {
        self.figures.late_dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn sent(&self, records: usize) {
        self.figures
            .records_out
            .fetch_add(records as u64, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_the_moment_from_which_a_barrier_overtakes_is_not_woken_before() {
        let mut task = TaskContext::new(Arc::default());
        for (now_ns, until_ns, wake_ms) in [
            (10_000_000, 15_000_000, 1015),
            (10_700_000, 15_200_000, 1016),
            (10_200_000, 15_700_000, 1016),
            (20_000_000, 15_200_000, 1020),
        ] {
            task.barriers_at.clear();
            task.set_now(Now {
                wall_ns: 1_000_000_000 + now_ns,
                monotonic_ns: now_ns,
            });
            task.wake_for(&Barrier {
                checkpoint: 1,
                mode: BarrierMode::AlignedUntil(until_ns),
                triggered_ns: 0,
                terminates: false,
            });
            assert_eq!(task.next_wakeup(), Some(wake_ms), "at {now_ns} until {until_ns}");
        }
    }

    #[test]
    fn a_barrier_is_waited_for_behind_the_time_of_one_before_it_and_behind_a_timer() {
        let mut task = TaskContext::new(Arc::default());
        let at = |ms: u64| Now {
            wall_ns: ms * NS_PER_MS,
            monotonic_ns: ms * NS_PER_MS,
        };
        let barrier = |checkpoint, until_ms: u64| Barrier {
            checkpoint,
            mode: BarrierMode::AlignedUntil(until_ms * NS_PER_MS),
            triggered_ns: 0,
            terminates: false,
        };
        task.set_now(at(10));
        task.wake_at(15);
        task.wake_for(&barrier(1, 20));
        task.wake_for(&barrier(2, 30));
        for (now, due, next) in [(15, Some(15), Some(20)), (20, None, Some(30)), (30, None, None)] {
            task.set_now(at(now));
            assert_eq!(task.next_wakeup_to_come(), next, "blocked at {now}");
            assert_eq!((task.take_due(), task.next_wakeup()), (due, next), "at {now}");
        }
    }
}
