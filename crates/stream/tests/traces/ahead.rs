//! A source and a latch with which a barrier meets records that wait, whatever the machine does meanwhile.

use std::sync::{Arc, Condvar, Mutex};

use everspan_stream::{Collector, Progress, Result, RuntimeContext, Source, SourceReader};

/// Who waits goes on once it was opened.
#[derive(Clone, Default)]
pub(super) struct Latch(Arc<(Mutex<bool>, Condvar)>);

impl Latch {
    pub(super) fn opened() -> Self {
        let latch = Self::default();
        latch.open();
        latch
    }

    pub(super) fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    pub(super) fn wait(&self) {
        let mut is_open = self.0.0.lock().unwrap();
        while !*is_open {
            is_open = self.0.1.wait(is_open).unwrap();
        }
    }
}

/// What the source does when its barrier has left.
#[derive(Clone)]
pub(super) enum Behind {
    /// Opens the latch, and goes on once the checkpoint has completed.
    Opens(Latch),
    /// Goes on at once.
    GoesOn,
}

/// The numbers up to and with `last`, in one subtask. It waits before the last one for the barrier of a checkpoint.
#[derive(Clone)]
pub(super) struct Ahead {
    pub(super) last: u64,
    pub(super) behind: Behind,
}

impl Source for Ahead {
    type Item = u64;
    type Split = u64;
    type Reader = AheadReader;

    fn splits(&self, _parallelism: usize) -> Result<Vec<u64>> {
        Ok(vec![0])
    }

    fn reader(&self, _context: &RuntimeContext) -> Result<AheadReader> {
        Ok(AheadReader {
            source: self.clone(),
            next: 0,
            has_snapshot: false,
            goes_on: false,
        })
    }
}

pub(super) struct AheadReader {
    source: Ahead,
    next: u64,
    has_snapshot: bool,
    goes_on: bool,
}

impl SourceReader for AheadReader {
    type Item = u64;
    type Split = u64;

    fn add_splits(&mut self, splits: Vec<u64>) -> Result {
        self.next = splits.into_iter().sum();
        // A restored one has met its barrier.
        self.goes_on = self.next == self.source.last;
        Ok(())
    }

    fn poll_next(&mut self, max: usize, out: &mut impl Collector<u64>) -> Result<Progress> {
        if self.has_snapshot {
            // Asked again: by now the barrier has left.
            match &self.source.behind {
                Behind::Opens(latch) => latch.open(),
                Behind::GoesOn => self.goes_on = true,
            }
        }
        let end = self.source.last + u64::from(self.goes_on);
        if self.next == end {
            return Ok(if self.goes_on {
                Progress::End
            } else {
                Progress::Later { at_ms: None }
            });
        }
        let most = self.next.saturating_add(max as u64);
        for number in self.next..end.min(most) {
            out.collect(number);
        }
        self.next = end.min(most);
        Ok(Progress::More)
    }

    fn snapshot(&mut self) -> Result<Vec<u64>> {
        self.has_snapshot = true;
        Ok(vec![self.next])
    }

    fn completed(&mut self, _checkpoint: u64) -> Result {
        self.goes_on = true;
        Ok(())
    }
}
