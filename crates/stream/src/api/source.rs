//! Where records come from.

use crate::collector::Collector;
use crate::data::Data;
use crate::failure::Result;
use crate::runtime_context::RuntimeContext;

/// A source, as a program describes it: finds its splits, and makes a reader for each subtask.
pub trait Source: Clone + Send + 'static {
    /// Its records.
    type Item: 'static;
    /// A part of the input with how far it is read: a file and an offset, a range of numbers. What a checkpoint holds.
    type Split: Data;
    /// Reads splits.
    type Reader: SourceReader<Item = Self::Item, Split = Self::Split>;

    /// Every split of the input, none of it read. Asked once, when a job begins without a checkpoint; split number *i*
    /// goes to subtask *i* modulo `parallelism`.
    ///
    /// # Errors
    ///
    /// When the input cannot be found: the job fails.
    fn splits(&self, parallelism: usize) -> Result<Vec<Self::Split>>;

    /// A reader for one subtask, without splits.
    ///
    /// # Errors
    ///
    /// The subtask fails.
    fn reader(&self, context: &RuntimeContext) -> Result<Self::Reader>;
}

/// Reads the splits of one subtask.
pub trait SourceReader: Send + 'static {
    /// Its records.
    type Item: 'static;
    /// See [`Source::Split`].
    type Split: Data;

    /// More to read: at the start, or from a checkpoint, then perhaps of other subtasks.
    ///
    /// # Errors
    ///
    /// The subtask fails.
    fn add_splits(&mut self, splits: Vec<Self::Split>) -> Result;

    /// Emits at most about `max` records into `out` and says how it goes on. Must not wait.
    ///
    /// # Errors
    ///
    /// The subtask fails, and is restored from a checkpoint if there is one.
    fn poll_next(&mut self, max: usize, out: &mut impl Collector<Self::Item>) -> Result<Progress>;

    /// The splits as far as they are read.
    ///
    /// # Errors
    ///
    /// The subtask fails.
    fn snapshot(&mut self) -> Result<Vec<Self::Split>>;

    /// A checkpoint has completed: what was read before it is not read again.
    ///
    /// # Errors
    ///
    /// The subtask fails.
    fn completed(&mut self, _checkpoint: u64) -> Result {
        Ok(())
    }
}

/// How a reader goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more at once.
    More,
    /// Nothing now; ask again at this processing time, ms since the Unix epoch, or when woken.
    Later {
        /// When.
        at_ms: Option<i64>,
    },
    /// The input has ended.
    End,
}
