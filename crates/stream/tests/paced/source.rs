//! A source that waits for a checkpoint now and then, so that tests need no clock.

use borsh::{BorshDeserialize, BorshSerialize};
use everspan_stream::{Collector, Progress, Result, RuntimeContext, Source, SourceReader};

/// The numbers below `numbers`; each reader waits for a completed checkpoint after every `chunk` of them.
#[derive(Clone)]
pub(crate) struct Paced {
    numbers: u64,
    chunk: usize,
    /// Numbers from here on are not made.
    pause_at: u64,
}

impl Paced {
    pub(crate) fn new(numbers: u64, chunk: usize) -> Self {
        Self {
            numbers,
            chunk,
            pause_at: u64::MAX,
        }
    }

    /// Waits for ever before this number.
    pub(crate) fn pausing_at(self, pause_at: u64) -> Self {
        Self { pause_at, ..self }
    }
}

/// Every `step`th number.
#[derive(Clone, BorshSerialize, BorshDeserialize)]
pub(crate) struct Steps {
    next: u64,
    step: u64,
    end: u64,
}

impl Source for Paced {
    type Item = u64;
    type Split = Steps;
    type Reader = PacedReader;

    fn splits(&self, _parallelism: usize) -> Result<Vec<Steps>> {
        let split = |next| Steps {
            next,
            step: 4,
            end: self.numbers,
        };
        Ok((0..4).map(split).collect())
    }

    fn reader(&self, _context: &RuntimeContext) -> Result<PacedReader> {
        Ok(PacedReader {
            splits: Vec::new(),
            chunk: self.chunk,
            pause_at: self.pause_at,
            left: self.chunk,
        })
    }
}

pub(crate) struct PacedReader {
    splits: Vec<Steps>,
    chunk: usize,
    pause_at: u64,
    left: usize,
}

impl SourceReader for PacedReader {
    type Item = u64;
    type Split = Steps;

    fn add_splits(&mut self, splits: Vec<Steps>) -> Result {
        self.splits.extend(splits);
        Ok(())
    }

    fn poll_next(&mut self, max: usize, out: &mut impl Collector<u64>) -> Result<Progress> {
        for _ in 0..max.min(100) {
            self.splits.retain(|split| split.next < split.end);
            // In the order of the numbers, however splits were divided.
            let Some(split) = self.splits.iter_mut().min_by_key(|split| split.next) else {
                return Ok(Progress::End);
            };
            if self.left == 0 || split.next >= self.pause_at {
                return Ok(Progress::Later { at_ms: None });
            }
            out.collect(split.next);
            split.next += split.step;
            self.left -= 1;
        }
        Ok(Progress::More)
    }

    fn snapshot(&mut self) -> Result<Vec<Steps>> {
        Ok(self.splits.clone())
    }

    fn completed(&mut self, _checkpoint: u64) -> Result {
        self.left = self.chunk;
        Ok(())
    }
}
