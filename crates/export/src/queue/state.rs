//! What the queue holds, and how it changes: no lock, no clock, no wake-ups.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::disk::Disk;
use super::entry::Entry;
use super::{Flush, Limits, Piece, Step};
use crate::marks::Marks;
use crate::spool::Found;
use crate::{Batch, Counters, Mark};

/// A batch with more bytes than this leaves at once; collectors refuse messages above 4 MiB.
pub(super) const BATCH_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Cleared buffers kept for reuse.
const SPARE_BUFFERS_MAX: usize = 4;

/// What the sender is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    Asleep,
    WaitsForTimer { until: Instant },
    Busy,
}

/// Whether spans still come in and go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Life {
    Open,
    /// None come in; those that wait go out.
    Closed,
    /// None go out; the keeper writes to disk what it can.
    Saving,
    Over,
}

/// Why a batch that waited was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    SpoolFull,
    Shutdown,
}

/// The batches, and who is to do what with them.
#[derive(Debug)]
pub(super) struct State {
    pub(super) entries: VecDeque<Entry>,
    pub(super) next_number: u64,
    /// Bytes of encoded spans in memory.
    pub(super) bytes: usize,
    /// How far pushes have come.
    pub(super) pushed: Marks,
    pub(super) task: Task,
    /// Batches up to this number leave without delay.
    pub(super) flush_upto: u64,
    /// The destination did not take the oldest batch when it was last asked.
    pub(super) is_failing: bool,
    /// The batch that is with the sender.
    pub(super) under_way: Option<u64>,
    /// A batch that was given up while it was with the sender.
    pub(super) given_up: Option<(u64, Loss)>,
    /// How many spans were given up that had waited, and did not arrive.
    given_up_spans: u64,
    pub(super) life: Life,
    pub(super) spare: Vec<Vec<u8>>,
    pub(super) disk: Disk,
    pub(super) counters: Counters,
}

impl State {
    pub(super) fn new(found: &[Found], next_number: u64) -> Self {
        let entries = found
            .iter()
            .map(|found| Entry::on_disk(found.number, found.spans, found.place));
        let resumed = found.iter().map(|found| found.spans).sum();
        Self {
            entries: entries.collect(),
            next_number,
            bytes: 0,
            pushed: Marks::default(),
            task: Task::Asleep,
            flush_upto: 0,
            is_failing: false,
            under_way: None,
            given_up: None,
            given_up_spans: 0,
            life: Life::Open,
            spare: Vec::new(),
            disk: Disk::up_to(next_number - 1),
            counters: Counters {
                resumed,
                spooled: resumed,
                ..Counters::default()
            },
        }
    }

    /// `fits` says whether the piece goes to the youngest batch; if not it goes to a new one, and what follows as well.
    pub(super) fn take_in(&mut self, limits: Limits, piece: Piece<'_>, fits: &mut bool) {
        let count = piece.count as u64;
        self.counters.pushed += count;
        if self.life != Life::Open {
            self.counters.dropped.shutdown += count;
        } else if self.has_room(limits, piece.encoded.len()) {
            self.counters.queued += count;
            self.bytes += piece.encoded.len();
            if !std::mem::replace(fits, true) {
                self.open_entry();
            }
            self.append(piece);
        } else if self.disk.is_blocked() {
            self.counters.dropped.spool_full += count;
        } else {
            self.counters.dropped.queue_full += count;
        }
    }

    /// Memory of what is on disk too makes room.
    fn has_room(&mut self, limits: Limits, bytes: usize) -> bool {
        if self.bytes + bytes > limits.queue_bytes_max && self.has_evictable() {
            self.evict(limits);
        }
        self.bytes + bytes <= limits.queue_bytes_max
    }

    /// Whether the youngest batch has room for so many bytes.
    pub(super) fn youngest_fits(&mut self, limits: Limits, bytes: usize) -> bool {
        self.entries.back_mut().is_some_and(|entry| {
            let is_full = is_full(entry.spans, limits);
            entry
                .open_batch()
                .is_some_and(|batch| !is_full && batch.bytes() + bytes <= BATCH_BYTES_MAX)
        })
    }

    /// Appends to the youngest batch.
    fn append(&mut self, piece: Piece<'_>) {
        let youngest = self.entries.back_mut().expect("a batch is open");
        youngest.spans += piece.count as u64;
        let spare = &mut self.spare;
        youngest
            .open_batch()
            .expect("the youngest batch is open")
            .push_with(piece.scope, piece.encoded, piece.count, || {
                spare.pop().unwrap_or_default()
            });
    }

    /// Marks reach as far as the youngest batch, also when it has no spans.
    pub(super) fn mark(&mut self, marks: &[Mark]) {
        for mark in marks {
            if !self.pushed.raise(*mark) {
                continue;
            }
            let is_open = |entry: &mut Entry| entry.open_batch().is_some();
            if !self.entries.back_mut().is_some_and(is_open) {
                self.open_entry();
            }
            let youngest = self.entries.back_mut().expect("a batch is open");
            youngest
                .open_batch()
                .expect("the youngest batch is open")
                .mark(*mark);
        }
    }

    pub(super) fn open_entry(&mut self) {
        self.entries.push_back(Entry::open(self.next_number));
        self.next_number += 1;
    }

    /// After a push: whether the sender sleeps although it has something to do.
    pub(super) fn wants_task(&mut self, limits: Limits) -> bool {
        let Some(youngest) = self.entries.back() else {
            return false;
        };
        let is_due = self.entries.len() > 1 || is_full(youngest.spans, limits);
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

    /// Nothing waits: the sender stays on its timer once more, so that a steady flow of spans needs no wake-ups.
    pub(super) fn rest(&mut self, now: Instant) -> Step {
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

    pub(super) fn rest_after_batch(&mut self, until: Instant) {
        self.under_way = None;
        self.task = Task::WaitsForTimer { until };
    }

    /// Takes batch `number` out, which then is counted anew by the caller.
    pub(super) fn remove(&mut self, number: u64) -> Option<Entry> {
        let index = self
            .entries
            .binary_search_by_key(&number, |entry| entry.number)
            .ok()?;
        let entry = self.entries.remove(index).expect("the entry was just found");
        self.bytes -= entry.memory_bytes();
        if entry.place.is_some() {
            self.counters.spooled -= entry.spans;
            self.disk.kept_in_memory -= usize::from(entry.is_in_memory());
        } else {
            self.counters.queued -= entry.spans;
        }
        Some(entry)
    }

    /// Drops and counts the batches up to this number that only memory has.
    pub(super) fn give_up_memory(&mut self, upto: u64, loss: Loss) {
        let lost: Vec<u64> = self
            .entries
            .iter()
            .filter(|entry| entry.number <= upto && entry.place.is_none())
            .map(|entry| entry.number)
            .collect();
        for number in lost {
            self.give_up(number, loss);
        }
    }

    pub(super) fn give_up(&mut self, number: u64, loss: Loss) {
        let Some(entry) = self.remove(number) else { return };
        *self.loss(loss) += entry.spans;
        self.given_up_spans += entry.spans;
        if self.under_way == Some(number) {
            self.given_up = Some((number, loss));
        }
    }

    /// A batch that was given up while it was under way has arrived after all.
    pub(super) fn take_back_loss(&mut self, number: u64, spans: u64) {
        if let Some((_, loss)) = self.given_up.take_if(|(given_up, _)| *given_up == number) {
            *self.loss(loss) -= spans;
            self.given_up_spans -= spans;
        }
    }

    pub(super) fn loss(&mut self, loss: Loss) -> &mut u64 {
        match loss {
            Loss::SpoolFull => &mut self.counters.dropped.spool_full,
            Loss::Shutdown => &mut self.counters.dropped.shutdown,
        }
    }

    pub(super) fn flush(&self) -> Flush {
        Flush {
            youngest: self.entries.back().map_or(0, |entry| entry.number),
            lost: self.lost(),
        }
    }

    /// `None` while batches of the flush wait and may still go out, then whether all of them were taken.
    pub(super) fn flushed(&self, flush: Flush) -> Option<bool> {
        let is_past = self.is_past(flush.youngest);
        (is_past || self.life >= Life::Saving).then(|| is_past && self.lost() == flush.lost)
    }

    /// Spans that waited and that no destination has taken.
    fn lost(&self) -> u64 {
        self.counters.dropped.rejected + self.counters.dropped.spool_damaged + self.given_up_spans
    }

    pub(super) fn is_past(&self, number: u64) -> bool {
        self.entries.front().is_none_or(|oldest| oldest.number > number)
    }

    pub(super) fn keep_buffers(&mut self, batch: Batch) {
        for mut buffer in batch.into_buffers() {
            if self.spare.len() < SPARE_BUFFERS_MAX {
                buffer.clear();
                self.spare.push(buffer);
            }
        }
    }
}

pub(super) fn is_full(spans: u64, limits: Limits) -> bool {
    spans >= limits.batch_spans_max as u64
}
