//! When a worker hands over the spans of its records: not in each of its many short turns, but a few hundred times a
//! second, or as soon as they are many. Who has told nothing for a while tells at once.

use std::time::{Duration, Instant};

use everspan_export::{Mark, Secured, SpanWriter};
use everspan_trace::otlp::EncodedSpans;

/// Between two pushes of a busy worker: little of the time that a batch waits anyway.
const PAUSE: Duration = Duration::from_millis(2);

/// What a worker has told and not handed over yet.
pub(super) struct WorkerSpans {
    writer: SpanWriter,
    has_more: bool,
    pushed: Instant,
}

impl WorkerSpans {
    pub(super) fn new(writer: SpanWriter) -> Self {
        Self {
            writer,
            has_more: false,
            pushed: Instant::now(),
        }
    }

    /// Adds the spans of a record.
    pub(super) fn add(&mut self, spans: &EncodedSpans) {
        self.writer.add_encoded(spans, None);
        self.has_more = true;
    }

    /// Whether a push is due between two records.
    pub(super) fn is_long(&self) -> bool {
        self.writer.is_long()
    }

    /// Whether a push is due at the end of a turn.
    pub(super) fn is_due(&self) -> bool {
        self.has_more && (self.is_long() || self.pushed.elapsed() >= PAUSE)
    }

    /// How long the worker may sleep at most; `None`: there is nothing to hand over.
    pub(super) fn due_in(&self) -> Option<Duration> {
        self.has_more.then(|| PAUSE.saturating_sub(self.pushed.elapsed()))
    }

    /// Hands over what was added. It is all there is of the records up to these marks, and has nothing of any other.
    pub(super) fn push(&mut self, marks: &[Mark]) {
        self.writer.push(marks);
        self.has_more = false;
        self.pushed = Instant::now();
    }

    /// A ticket for all that was pushed.
    pub(super) fn secure(&mut self) -> Secured {
        self.writer.secure()
    }
}

#[cfg(test)]
mod tests {
    use everspan_export::Reporters;

    use super::*;

    #[test]
    fn who_was_silent_tells_at_once_and_who_has_just_told_waits() {
        let mut spans = WorkerSpans::new(Reporters::default().writer());
        assert_eq!((spans.is_due(), spans.due_in()), (false, None));
        spans.add(&EncodedSpans::new("test"));
        assert!(spans.due_in().is_some_and(|wait| wait <= PAUSE));
        spans.pushed -= PAUSE;
        assert_eq!((spans.is_due(), spans.due_in()), (true, Some(Duration::ZERO)));
        spans.push(&[]);
        assert_eq!((spans.is_due(), spans.due_in()), (false, None));
    }
}
