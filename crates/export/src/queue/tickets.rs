//! Tickets: who asks that spans be safe learns when they are.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::Queue;

/// How often one looks who waits for room; the keeper need not tell every batch.
const ROOM_POLL: Duration = Duration::from_millis(5);

impl Queue {
    /// Asks that all that was pushed before be made safe; the ticket's number, `None` when there is nothing to wait for.
    pub(crate) fn secure(&self) -> Option<u64> {
        if !self.limits.has_spool {
            return None;
        }
        let mut state = self.lock();
        let youngest = state.entries.back_mut()?;
        youngest.seal();
        let number = youngest.number;
        if state.is_safe(number) {
            return None;
        }
        state.flush_upto = number;
        state.disk.ask(number);
        drop(state);
        self.wake.notify_one();
        self.chores.notify_one();
        Some(number)
    }

    /// Blocks while the keeper has to make room in memory, at most so long; whether it has made it. It does not wait for
    /// a destination, nor for a disk that takes nothing.
    pub(crate) fn wait_for_room(&self, timeout: Duration) -> bool {
        let end = Instant::now() + timeout;
        let mut state = self.lock();
        loop {
            if !state.has_surplus(self.limits) {
                return true;
            }
            if state.disk.is_blocked() || Instant::now() >= end {
                return false;
            }
            state = self
                .safe
                .wait_timeout(state, ROOM_POLL)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Whether all batches up to this number are safe.
    pub(crate) fn is_safe(&self, number: u64) -> bool {
        self.lock().is_safe(number)
    }

    /// Blocks until all batches up to this number are safe, at most so long; whether they are.
    pub(crate) fn wait_safe(&self, number: u64, timeout: Duration) -> bool {
        let end = Instant::now() + timeout;
        let mut state = self.lock();
        loop {
            if state.is_safe(number) {
                return true;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self
                .safe
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}
