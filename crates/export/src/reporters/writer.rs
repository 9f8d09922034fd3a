//! Where a thread writes its spans: each is encoded once, and leaves with the others of its turn.

use std::time::Duration;

use everspan_trace::Span;
use everspan_trace::otlp::EncodedSpans;

use super::lane::Lane;
use crate::{Mark, Secured};

/// So many bytes are worth a push.
const LONG_BYTES: usize = 32 * 1024;
/// So many bytes are handed over even without a push.
const TURN_BYTES_MAX: usize = 2 * 1024 * 1024;

/// A thread's place to write spans to. [`add`](SpanWriter::add) encodes into a buffer of its own;
/// [`push`](SpanWriter::push) hands the buffer over, with one short lock per reporter.
#[derive(Debug, Default)]
pub struct SpanWriter {
    lanes: Vec<Lane>,
}

impl SpanWriter {
    pub(super) fn new(lanes: Vec<Lane>) -> Self {
        Self { lanes }
    }

    /// Whether no reporter is there to take anything.
    pub fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    /// Whether any reporter may take a span of this scope and name.
    pub fn takes(&self, scope: &str, name: &str) -> bool {
        self.lanes.iter().any(|lane| lane.terms().may_take(scope, name))
    }

    /// Adds a finished span. With `record = Some((source, seq))` it is left out where all spans of that record were
    /// safe already when the reporter started: so a replayed record repeats no span.
    pub fn add(&mut self, span: &Span, record: Option<(u16, u64)>) {
        let mut is_full = false;
        for index in 0..self.lanes.len() {
            let (before, rest) = self.lanes.split_at_mut(index);
            rest[0].add(span, record, before);
            is_full |= rest[0].bytes() > TURN_BYTES_MAX;
        }
        if is_full {
            self.push(&[]);
        }
    }

    /// Adds finished spans that are encoded already: as if each of them were added. They are copied, and decoded only for
    /// a level filter that asks for attributes.
    pub fn add_encoded(&mut self, spans: &EncodedSpans, record: Option<(u16, u64)>) {
        let mut is_full = false;
        for lane in &mut self.lanes {
            lane.add_encoded(spans, record);
            is_full |= lane.bytes() > TURN_BYTES_MAX;
        }
        if is_full {
            self.push(&[]);
        }
    }

    /// Whether so much was added that a push is due, as soon as all spans of a record are there: those of a push and
    /// its marks travel together, so that a crash behind it repeats none of them.
    pub fn is_long(&self) -> bool {
        self.lanes.iter().any(|lane| lane.bytes() > LONG_BYTES)
    }

    /// Hands over what was added. `marks` say that these are all spans of the records so far; also with nothing added.
    pub fn push(&mut self, marks: &[Mark]) {
        for lane in &mut self.lanes {
            lane.push(marks);
        }
    }

    /// Blocks this thread while some reporter's memory is so full that spans go to disk, at most so long for each;
    /// whether there is room now. For who can wait, such as a replay; it waits for the local disk, never for a
    /// destination.
    pub fn wait_for_room(&self, timeout: Duration) -> bool {
        self.lanes.iter().all(|lane| lane.wait_for_room(timeout))
    }

    /// Asks that all that was pushed before be made safe in every reporter that keeps spans on disk.
    pub fn secure(&mut self) -> Secured {
        self.push(&[]);
        let mut secured = Secured::default();
        for lane in &self.lanes {
            lane.secure_with(&mut secured);
        }
        secured
    }
}
