//! The events of an attempt, encoded, until its span knows for which of them it has room.

use everspan_trace::catalog::{attr, event};
use everspan_trace::otlp::{AttributeEncoder, SpanEncoder, encode_event};

/// Events in order. The buffers are kept from attempt to attempt.
#[derive(Default)]
pub(super) struct EventList {
    bytes: Vec<u8>,
    events: Vec<Listed>,
}

/// An event.
struct Listed {
    /// Where its bytes begin; they reach up to the next one's.
    start: usize,
    is_lifecycle: bool,
    /// An attribute that came later than the event.
    late: Vec<u8>,
}

impl EventList {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.events.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    /// Adds an event; its attributes come next.
    pub(super) fn add(&mut self, name: &str, time_ns: u64) -> AttributeEncoder<'_> {
        self.events.push(Listed {
            start: self.bytes.len(),
            is_lifecycle: event::is_lifecycle(name),
            late: Vec::new(),
        });
        encode_event(time_ns, name, &mut self.bytes)
    }

    /// The event of a call learns which invocation it made.
    pub(super) fn note_callee(&mut self, number: usize, id: &str) {
        let late = &mut self.events[number].late;
        AttributeEncoder::of_event(late).text(&attr::CALL_INVOCATION_ID, id);
    }

    /// Writes at most `events_max`, and how many were left out. Lifecycle events stay; of the plain commands the oldest
    /// go first (TRACES §1).
    pub(super) fn put(&self, events_max: usize, span: &mut SpanEncoder<'_>) {
        let mut surplus = self.events.len().saturating_sub(events_max);
        let mut dropped = 0;
        let ends = self.events.iter().skip(1).map(|next| next.start);
        for (event, end) in self.events.iter().zip(ends.chain([self.bytes.len()])) {
            if surplus > 0 && !event.is_lifecycle {
                surplus -= 1;
                dropped += 1;
            } else {
                span.event(&[&self.bytes[event.start..end], &event.late]);
            }
        }
        span.dropped_events(dropped);
    }
}
