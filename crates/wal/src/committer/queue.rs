//! What submitting threads and the writing thread share.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::{LogStatus, SubmitError};
use crate::batch::Batch;

/// Spare batches kept for reuse, and the largest buffer worth keeping.
const SPARE_BATCHES_MAX: usize = 64;
const SPARE_BYTES_MAX: usize = 1 << 20;

const HEALTHY: u8 = 0;
const FULL: u8 = 1;
const FAILED: u8 = 2;

#[derive(Debug)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    /// Signalled when the writer sleeps and there is something to do.
    work: Condvar,
    /// Signalled when blocked submitters may look again.
    room: Condvar,
    pending_bytes_max: u64,
    status: AtomicU8,
    failure: OnceLock<String>,
}

#[derive(Debug, Default)]
struct Waiting {
    batches: Vec<Batch>,
    /// Of batches that wait and of those being written.
    pending_bytes: u64,
    trim: Option<BTreeMap<u16, u64>>,
    stopping: bool,
    writer_sleeps: bool,
    blocked_submitters: usize,
    spare: Vec<Batch>,
}

/// Everything that woke the writer, taken at once.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) batches: Vec<Batch>,
    pub(super) trim: Option<BTreeMap<u16, u64>>,
    pub(super) stopping: bool,
}

impl Queue {
    pub(super) fn new(pending_bytes_max: u64) -> Queue {
        Queue {
            waiting: Mutex::default(),
            work: Condvar::new(),
            room: Condvar::new(),
            pending_bytes_max,
            status: AtomicU8::new(HEALTHY),
            failure: OnceLock::new(),
        }
    }

    pub(super) fn spare_batch(&self) -> Batch {
        self.lock().spare.pop().unwrap_or_default()
    }

    pub(super) fn push_waiting(&self, batch: Batch) -> Result<(), SubmitError> {
        let mut waiting = self.lock();
        waiting.blocked_submitters += 1;
        while !self.is_failed() && !self.has_room(&waiting, &batch) {
            waiting = self.room.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.blocked_submitters -= 1;
        self.push(waiting, batch)
    }

    pub(super) fn try_push(&self, batch: Batch) -> Result<(), SubmitError> {
        let waiting = self.lock();
        if !self.is_failed() && !self.has_room(&waiting, &batch) {
            return Err(SubmitError::Busy(batch));
        }
        self.push(waiting, batch)
    }

    pub(super) fn request_trim(&self, persisted: BTreeMap<u16, u64>) {
        let mut waiting = self.lock();
        waiting.trim = Some(persisted);
        self.wake_writer(waiting);
    }

    pub(super) fn request_stop(&self) {
        let mut waiting = self.lock();
        waiting.stopping = true;
        self.wake_writer(waiting);
    }

    pub(super) fn status(&self) -> LogStatus {
        match self.status.load(Ordering::Acquire) {
            HEALTHY => LogStatus::Healthy,
            FULL => LogStatus::Full,
            _ => LogStatus::Failed(self.failure()),
        }
    }

    /// Writer: waits until there is something to do; `None` after `idle` without anything.
    pub(super) fn take(&self, idle: Option<Duration>) -> Option<Work> {
        let mut waiting = self.lock();
        while waiting.is_idle() {
            let timed_out;
            (waiting, timed_out) = self.sleep(waiting, idle);
            if timed_out && waiting.is_idle() {
                return None;
            }
        }
        Some(Work {
            batches: std::mem::take(&mut waiting.batches),
            trim: waiting.trim.take(),
            stopping: waiting.stopping,
        })
    }

    /// Writer: waits for a trim or the end, at most so long; leaves the batches where they are.
    pub(super) fn take_while_full(&self, at_most: Duration) -> Work {
        let mut waiting = self.lock();
        if waiting.trim.is_none() && !waiting.stopping {
            (waiting, _) = self.sleep(waiting, Some(at_most));
        }
        Work {
            batches: Vec::new(),
            trim: waiting.trim.take(),
            stopping: waiting.stopping,
        }
    }

    /// Writer: these batches are committed.
    pub(super) fn give_back(&self, batches: impl Iterator<Item = Batch>) {
        let mut waiting = self.lock();
        for mut batch in batches {
            waiting.pending_bytes -= batch.bytes();
            if waiting.spare.len() < SPARE_BATCHES_MAX && batch.capacity() <= SPARE_BYTES_MAX {
                batch.clear();
                waiting.spare.push(batch);
            }
        }
        if waiting.blocked_submitters > 0 {
            self.room.notify_all();
        }
    }

    pub(super) fn pending_bytes(&self) -> u64 {
        self.lock().pending_bytes
    }

    pub(super) fn set_full(&self, is_full: bool) {
        self.status
            .store(if is_full { FULL } else { HEALTHY }, Ordering::Release);
    }

    /// Writer: nothing is ever taken again.
    pub(super) fn set_failed(&self, reason: String) {
        let mut waiting = self.lock();
        self.failure.get_or_init(|| reason);
        self.status.store(FAILED, Ordering::Release);
        waiting.batches.clear();
        self.room.notify_all();
    }

    fn push(&self, mut waiting: MutexGuard<'_, Waiting>, batch: Batch) -> Result<(), SubmitError> {
        if self.is_failed() {
            return Err(SubmitError::Failed(self.failure()));
        }
        if batch.is_empty() {
            return Ok(());
        }
        waiting.pending_bytes += batch.bytes();
        waiting.batches.push(batch);
        self.wake_writer(waiting);
        Ok(())
    }

    /// A batch larger than the whole limit is taken when nothing else waits.
    fn has_room(&self, waiting: &Waiting, batch: &Batch) -> bool {
        let bytes = waiting.pending_bytes + batch.bytes();
        waiting.pending_bytes == 0 || bytes <= self.pending_bytes_max
    }

    /// Waking costs a system call, so only a sleeper is woken.
    fn wake_writer(&self, mut waiting: MutexGuard<'_, Waiting>) {
        let sleeps = std::mem::take(&mut waiting.writer_sleeps);
        drop(waiting);
        if sleeps {
            self.work.notify_one();
        }
    }

    fn sleep<'a>(
        &self,
        mut waiting: MutexGuard<'a, Waiting>,
        at_most: Option<Duration>,
    ) -> (MutexGuard<'a, Waiting>, bool) {
        waiting.writer_sleeps = true;
        let (mut waiting, timed_out) = match at_most {
            None => (
                self.work.wait(waiting).unwrap_or_else(PoisonError::into_inner),
                false,
            ),
            Some(at_most) => {
                let woken = self.work.wait_timeout(waiting, at_most);
                let (waiting, timeout) = woken.unwrap_or_else(PoisonError::into_inner);
                (waiting, timeout.timed_out())
            }
        };
        waiting.writer_sleeps = false;
        (waiting, timed_out)
    }

    fn is_failed(&self) -> bool {
        self.status.load(Ordering::Acquire) == FAILED
    }

    fn failure(&self) -> String {
        self.failure.get().cloned().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn is_idle(&self) -> bool {
        self.batches.is_empty() && self.trim.is_none() && !self.stopping
    }
}
