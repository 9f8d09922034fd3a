//! Text lines whose end is held back, so that a test decides when a job may end.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use everspan_stream::{
    Collector, FileSource, FileSplit, Progress, Result, RuntimeContext, Source, SourceReader, TextLineReader,
};

/// How long a reader that is held waits before it looks again.
const LOOK_MS: i64 = 2;

#[derive(Clone)]
pub(crate) struct Held {
    lines: FileSource,
    is_released: Arc<AtomicBool>,
    is_to_panic: Arc<AtomicBool>,
}

impl Held {
    /// Once `is_to_panic` is true, a reader panics and makes it false.
    pub(crate) fn new(dir: &Path, is_released: Arc<AtomicBool>, is_to_panic: Arc<AtomicBool>) -> Self {
        Self {
            lines: FileSource::text_lines(dir),
            is_released,
            is_to_panic,
        }
    }
}

impl Source for Held {
    type Item = String;
    type Split = FileSplit;
    type Reader = HeldReader;

    fn splits(&self, parallelism: usize) -> Result<Vec<FileSplit>> {
        self.lines.splits(parallelism)
    }

    fn reader(&self, context: &RuntimeContext) -> Result<HeldReader> {
        Ok(HeldReader {
            lines: self.lines.reader(context)?,
            is_released: self.is_released.clone(),
            is_to_panic: self.is_to_panic.clone(),
        })
    }
}

pub(crate) struct HeldReader {
    lines: TextLineReader,
    is_released: Arc<AtomicBool>,
    is_to_panic: Arc<AtomicBool>,
}

impl SourceReader for HeldReader {
    type Item = String;
    type Split = FileSplit;

    fn add_splits(&mut self, splits: Vec<FileSplit>) -> Result {
        self.lines.add_splits(splits)
    }

    fn poll_next(&mut self, max: usize, out: &mut impl Collector<String>) -> Result<Progress> {
        assert!(
            !self.is_to_panic.swap(false, Ordering::AcqRel),
            "the reader broke"
        );
        let progress = self.lines.poll_next(max, out)?;
        if progress != Progress::End || self.is_released.load(Ordering::Acquire) {
            return Ok(progress);
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        Ok(Progress::Later {
            at_ms: Some(i64::try_from(now.as_millis())? + LOOK_MS),
        })
    }

    fn snapshot(&mut self) -> Result<Vec<FileSplit>> {
        self.lines.snapshot()
    }
}
