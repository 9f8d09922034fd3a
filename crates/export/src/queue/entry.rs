//! One batch in the queue: in memory, on disk, or both.

use std::mem;
use std::sync::Arc;

use tokio::time::Instant;

use crate::Batch;
use crate::spool::Place;

/// A batch that is not delivered yet.
#[derive(Debug)]
pub(super) struct Entry {
    /// Grows by one from batch to batch, also across restarts.
    pub(super) number: u64,
    pub(super) spans: u64,
    pub(super) opened_at: Instant,
    pub(super) held: Held,
    /// Where it stands on disk, once it does.
    pub(super) place: Option<Place>,
}

/// What memory has of it.
#[derive(Debug)]
pub(super) enum Held {
    /// Spans may still be added.
    Open(Batch),
    Sealed(Arc<Batch>),
    /// Nothing: it is on disk only.
    Nothing,
}

impl Entry {
    pub(super) fn open(number: u64) -> Self {
        Self {
            number,
            spans: 0,
            opened_at: Instant::now(),
            held: Held::Open(Batch::numbered(number)),
            place: None,
        }
    }

    pub(super) fn on_disk(number: u64, spans: u64, place: Place) -> Self {
        Self {
            number,
            spans,
            opened_at: Instant::now(),
            held: Held::Nothing,
            place: Some(place),
        }
    }

    /// From now on nothing is added; the batch, if memory has it.
    pub(super) fn seal(&mut self) -> Option<Arc<Batch>> {
        if let Held::Open(batch) = &mut self.held {
            self.held = Held::Sealed(Arc::new(mem::take(batch)));
        }
        match &self.held {
            Held::Sealed(batch) => Some(Arc::clone(batch)),
            Held::Open(_) | Held::Nothing => None,
        }
    }

    pub(super) fn open_batch(&mut self) -> Option<&mut Batch> {
        match &mut self.held {
            Held::Open(batch) => Some(batch),
            Held::Sealed(_) | Held::Nothing => None,
        }
    }

    pub(super) fn is_in_memory(&self) -> bool {
        !matches!(self.held, Held::Nothing)
    }

    /// The bytes of encoded spans that memory has of it.
    pub(super) fn memory_bytes(&self) -> usize {
        match &self.held {
            Held::Open(batch) => batch.bytes(),
            Held::Sealed(batch) => batch.bytes(),
            Held::Nothing => 0,
        }
    }
}
