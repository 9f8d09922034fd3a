//! Spans of requests that were refused: they left no record, so the ingress tells them itself.
//!
//! A flood of refused requests must not push out the spans of those that are served: beyond a rate they are counted and
//! not told.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use everspan_export::{Reporters, SpanWriter};
use everspan_trace::otlp::EncodedSpans;

/// Spans of refused requests a second, in the long run.
const PER_SECOND: f64 = 100.0;
/// So many at once after a quiet time.
const BURST: f64 = 200.0;

/// The way of these spans to the reporters.
pub struct RefusedSpans {
    out: Mutex<Out>,
    dropped: AtomicU64,
}

struct Out {
    writer: SpanWriter,
    budget: Budget,
}

/// A token bucket.
struct Budget {
    left: f64,
    at: Instant,
}

impl RefusedSpans {
    /// To these reporters.
    pub fn new(reporters: &Reporters) -> Self {
        let budget = Budget {
            left: BURST,
            at: Instant::now(),
        };
        Self {
            out: Mutex::new(Out {
                writer: reporters.writer(),
                budget,
            }),
            dropped: AtomicU64::new(0),
        }
    }

    /// Spans not told because there were too many.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Tells a span, if there is room in the rate; it is only built then.
    pub(super) fn tell(&self, span: impl FnOnce() -> EncodedSpans) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        if out.budget.take(Instant::now()) {
            out.writer.add_encoded(&span(), None);
            out.writer.push(&[]);
        } else {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Budget {
    fn take(&mut self, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + since * PER_SECOND).min(BURST);
        self.at = now;
        let taken = self.left >= 1.0;
        self.left -= f64::from(u8::from(taken));
        taken
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_flood_takes_what_there_is_and_then_the_rate() {
        let begin = Instant::now();
        let mut budget = Budget {
            left: BURST,
            at: begin,
        };
        let mut taken_at = |ms: u64| {
            let now = begin + Duration::from_millis(ms);
            (0..1000).filter(|_| budget.take(now)).count()
        };
        assert_eq!(taken_at(0), 200);
        assert_eq!(taken_at(0), 0);
        assert_eq!(taken_at(500), 50);
        assert_eq!(taken_at(60_000), 200);
    }
}
