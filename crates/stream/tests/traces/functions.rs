//! The functions of the jobs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use everspan_stream::{MapFunction, Result, RuntimeContext, Span};

/// Reports spans when it opens, and fails once, at one number.
#[derive(Clone)]
pub(super) struct Look {
    fails_at: u64,
    failed: Arc<AtomicBool>,
}

impl Look {
    pub(super) fn failing_at(number: u64) -> Self {
        Self {
            fails_at: number,
            failed: Arc::default(),
        }
    }

    pub(super) fn never_failing() -> Self {
        Self::failing_at(u64::MAX)
    }
}

impl MapFunction<u64> for Look {
    type Out = u64;

    fn open(&mut self, context: &RuntimeContext) -> Result {
        let group = context.metric_group().add_group("room", "north");
        let read = Span::builder("my::Look", "Read")
            .start_ts_millis(3)
            .end_ts_millis(4);
        let open = Span::builder("my::Look", "Open")
            .start_ts_millis(3)
            .end_ts_millis(5)
            .attribute("foo", "bar")
            .attribute("lines", 7)
            .attribute("share", 0.5)
            .attribute("warm", true)
            .child(read);
        group.add_span(open);
        group.add_span(Span::builder("my::Look", "Moment"));
        group.add_span(Span::builder("my::Look", "Begun").start_ts_millis(3));
        Ok(())
    }

    fn map(&mut self, number: u64) -> Result<u64> {
        if number == self.fails_at && !self.failed.swap(true, Ordering::Relaxed) {
            return Err("the disk is on fire".into());
        }
        Ok(number)
    }
}

/// Does not open.
#[derive(Clone)]
pub(super) struct Locked;

impl MapFunction<u64> for Locked {
    type Out = u64;

    fn open(&mut self, _context: &RuntimeContext) -> Result {
        Err("there is no key".into())
    }

    fn map(&mut self, number: u64) -> Result<u64> {
        Ok(number)
    }
}
