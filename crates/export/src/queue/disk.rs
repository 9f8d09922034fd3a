//! What the keeper of a pipeline has to do: write batches to disk when memory runs full, when somebody asks that spans
//! be safe, and at the end.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::entry::Held;
use super::state::{Life, Loss, State, is_full};
use super::{Limits, Queue};
use crate::Batch;
use crate::spool::Place;

/// So long the destination has to take what must be safe, before it is written to disk.
const GRACE: Duration = Duration::from_millis(100);
/// Pause after the disk had no room.
const BLOCKED_PAUSE: Duration = Duration::from_millis(500);
/// What must be safe and finds no room for so long is dropped.
const PATIENCE: Duration = Duration::from_secs(5);

/// How far the disk has come.
#[derive(Debug)]
pub(super) struct Disk {
    /// Batches up to this number are on disk, done with, or without spans.
    spooled_upto: u64,
    /// Batches up to this number outlive a power cut, or are done with.
    synced_upto: u64,
    /// Batches up to this number must be safe soon, since then.
    asked: Option<(u64, Instant)>,
    /// The last write found no room.
    blocked: Option<Blocked>,
    /// Something was written since the last sync.
    has_unsynced: bool,
    /// How many batches are in memory although they are on disk too.
    pub(super) kept_in_memory: usize,
    /// The keeper waits until memory runs full.
    pub(super) is_idle: bool,
}

#[derive(Clone, Copy, Debug)]
struct Blocked {
    since: Instant,
    until: Instant,
}

/// The keeper's next piece of work.
#[derive(Debug)]
pub(crate) enum Chore {
    Write(u64, Arc<Batch>),
    /// Sync what was written; then batches up to this number are safe.
    Sync(u64),
    Stop,
}

impl Queue {
    /// Waits for work.
    pub(crate) fn next_chore(&self) -> Chore {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            let before = (state.disk.synced_upto, state.counters.dropped);
            let chore = state.chore(self.limits, now);
            if before != (state.disk.synced_upto, state.counters.dropped) {
                self.safe.notify_all();
                self.progress.notify_waiters();
            }
            let until = match chore {
                Ok(chore) => return chore,
                Err(until) => until,
            };
            state.disk.is_idle = !state.disk.is_blocked();
            let pause = until.map_or(Duration::MAX, |until| until.saturating_duration_since(now));
            // A wait without an end would overflow the clock.
            let pause = pause.min(Duration::from_secs(3600));
            let waited = self.chores.wait_timeout(state, pause);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            state.disk.is_idle = false;
        }
    }

    /// Batch `number` stands at `place` now. `false` when it is done with meanwhile: then the place is free again.
    pub(crate) fn spooled(&self, number: u64, place: Place) -> bool {
        let mut state = self.lock();
        let disk = &mut state.disk;
        disk.spooled_upto = disk.spooled_upto.max(number);
        disk.blocked = None;
        disk.has_unsynced = true;
        let Ok(index) = state.entries.binary_search_by_key(&number, |entry| entry.number) else {
            return false;
        };
        let entry = &mut state.entries[index];
        entry.place = Some(place);
        let spans = entry.spans;
        state.disk.kept_in_memory += 1;
        state.counters.queued -= spans;
        state.counters.spooled += spans;
        true
    }

    /// The disk had no room for a batch.
    pub(crate) fn write_failed(&self) {
        let mut state = self.lock();
        let now = Instant::now();
        let since = state.disk.blocked.map_or(now, |blocked| blocked.since);
        state.disk.blocked = Some(Blocked {
            since,
            until: now + BLOCKED_PAUSE,
        });
    }

    /// Batch `number` can never stand on disk.
    pub(crate) fn cannot_spool(&self, number: u64) {
        let mut state = self.lock();
        state.give_up(number, Loss::SpoolFull);
        state.disk.spooled_upto = state.disk.spooled_upto.max(number);
        self.tell_progress(state);
    }

    /// Batches up to this number are safe.
    pub(crate) fn synced(&self, upto: u64) {
        let mut state = self.lock();
        state.disk.synced_upto = state.disk.synced_upto.max(upto);
        self.tell_progress(state);
    }

    /// Disk space came back.
    pub(crate) fn room_came_back(&self) {
        let mut state = self.lock();
        if state.disk.blocked.is_some() {
            state.disk.try_again();
            self.chores.notify_one();
        }
    }

    /// The keeper is gone: what memory has is given up, and nobody waits for a ticket any more.
    pub(crate) fn keeper_ended(&self) {
        let mut state = self.lock();
        state.life = Life::Over;
        state.disk.synced_upto = u64::MAX;
        state.give_up_memory(u64::MAX, Loss::Shutdown);
        self.tell_progress(state);
        self.cut.notify_one();
        self.wake.notify_one();
    }
}

impl Disk {
    /// All batches up to this number, if there are any, are on disk already.
    pub(super) fn up_to(number: u64) -> Self {
        Self {
            spooled_upto: number,
            synced_upto: number,
            asked: None,
            blocked: None,
            has_unsynced: false,
            kept_in_memory: 0,
            is_idle: false,
        }
    }

    pub(super) fn ask(&mut self, number: u64) {
        let since = self.asked.map_or_else(Instant::now, |(_, since)| since);
        self.asked = Some((number, since));
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.blocked.is_some()
    }

    pub(super) fn try_again(&mut self) {
        self.blocked = None;
    }

    /// Whether waiting for room has to end.
    fn is_out_of_patience(&self, since: Instant, now: Instant) -> bool {
        self.blocked
            .is_some_and(|blocked| now.duration_since(blocked.since.max(since)) >= PATIENCE)
    }
}

impl State {
    /// The next piece of work, or until when to wait for one.
    fn chore(&mut self, limits: Limits, now: Instant) -> Result<Chore, Option<Instant>> {
        let is_saving = self.life == Life::Saving;
        self.disk.asked = self.disk.asked.filter(|(number, _)| !self.is_safe(*number));
        let grace_end = self.disk.asked.map(|(_, since)| since + GRACE);
        let upto = match self.disk.asked {
            _ if is_saving => u64::MAX,
            Some((number, since)) if self.is_failing || now >= since + GRACE => number,
            _ => 0,
        };
        if self.is_pressed(limits) {
            self.evict(limits);
        }
        if self.disk.is_blocked() && upto > 0 {
            let since = self.disk.asked.map_or(now, |(_, since)| since);
            if is_saving || self.disk.is_out_of_patience(since, now) {
                self.give_up_memory(upto, Loss::SpoolFull);
                self.disk.try_again();
            }
        }
        if let Some((number, batch)) = self.unspooled(upto).or_else(|| self.surplus(limits)) {
            return match self.disk.blocked {
                Some(blocked) if blocked.until > now => Err(Some(blocked.until)),
                _ => Ok(Chore::Write(number, batch)),
            };
        }
        if upto > 0 {
            if self.disk.has_unsynced {
                self.disk.has_unsynced = false;
                return Ok(Chore::Sync(self.disk.spooled_upto));
            }
            self.disk.synced_upto = self.disk.spooled_upto;
        }
        if is_saving {
            return Ok(Chore::Stop);
        }
        self.disk.asked = self.disk.asked.filter(|(number, _)| !self.is_safe(*number));
        Err(self.disk.asked.and(grace_end))
    }

    /// The oldest batch up to this number that only memory has, sealed. Those without spans need no place on disk.
    fn unspooled(&mut self, upto: u64) -> Option<(u64, Arc<Batch>)> {
        let spooled_upto = self.disk.spooled_upto;
        let first = self.entries.partition_point(|entry| entry.number <= spooled_upto);
        for entry in self.entries.range_mut(first..) {
            if entry.number > upto {
                break;
            }
            let batch = entry.seal().expect("what is not on disk is in memory");
            if entry.spans > 0 {
                return Some((entry.number, batch));
            }
            self.disk.spooled_upto = entry.number;
        }
        if upto < u64::MAX {
            self.disk.spooled_upto = self.disk.spooled_upto.max(upto);
        }
        None
    }

    /// The oldest batch that only memory has, when memory runs full.
    fn surplus(&mut self, limits: Limits) -> Option<(u64, Arc<Batch>)> {
        while self.is_pressed(limits) {
            let number = self.oldest_surplus(limits)?;
            if let Some(found) = self.unspooled(number) {
                return Some(found);
            }
        }
        None
    }

    /// Whether memory runs full and the keeper can do something about it.
    pub(super) fn has_surplus(&self, limits: Limits) -> bool {
        self.is_pressed(limits) && (self.has_evictable() || self.oldest_surplus(limits).is_some())
    }

    /// The first batch that only memory has. The youngest, while it is small, waits for more spans.
    fn oldest_surplus(&self, limits: Limits) -> Option<u64> {
        let spooled_upto = self.disk.spooled_upto;
        let first = self.entries.partition_point(|entry| entry.number <= spooled_upto);
        let entry = self.entries.get(first)?;
        let is_small = entry.memory_bytes() < limits.queue_bytes_max / 4 && !is_full(entry.spans, limits);
        let is_youngest = first + 1 == self.entries.len();
        (!(is_youngest && is_small)).then_some(entry.number)
    }

    /// Whether memory has a batch that is on disk too and not under way.
    pub(super) fn has_evictable(&self) -> bool {
        let under_way = self.entries.front().is_some_and(|oldest| {
            self.under_way == Some(oldest.number) && oldest.place.is_some() && oldest.is_in_memory()
        });
        self.disk.kept_in_memory > usize::from(under_way)
    }

    pub(super) fn is_safe(&self, number: u64) -> bool {
        number <= self.disk.synced_upto || self.is_past(number)
    }

    /// Whether memory is so full that batches have to go to disk.
    pub(super) fn is_pressed(&self, limits: Limits) -> bool {
        limits.has_spool && self.bytes > limits.queue_bytes_max / 2
    }

    /// Frees the memory of batches that are on disk too, the youngest of them first.
    pub(super) fn evict(&mut self, limits: Limits) {
        let spooled_upto = self.disk.spooled_upto;
        let end = self.entries.partition_point(|entry| entry.number <= spooled_upto);
        for entry in self.entries.range_mut(..end).rev() {
            if self.disk.kept_in_memory == 0 || self.bytes <= limits.queue_bytes_max / 2 {
                return;
            }
            if entry.place.is_some() && entry.is_in_memory() && self.under_way != Some(entry.number) {
                self.bytes -= entry.memory_bytes();
                self.disk.kept_in_memory -= 1;
                entry.held = Held::Nothing;
            }
        }
    }
}
