//! Where records come from.

use crate::collector::Collector;
use crate::data::Data;
use crate::failure::Result;
use crate::runtime_context::RuntimeContext;

/// A source, as a program describes it: finds its splits, and makes a reader for each subtask.
///
/// One of your own, which reads the bytes of strings; a real one has a file or a topic where this has a string:
///
/// ```
/// use everspan_stream::{
///     Collector, Progress, Result, RuntimeContext, Source, SourceReader, StreamExecutionEnvironment,
/// };
///
/// #[derive(Clone)]
/// struct BytesOf(Vec<String>);
///
/// impl Source for BytesOf {
///     type Item = u8;
///     type Split = (String, u64); // a text, and how much of it is read
///     type Reader = ByteReader;
///
///     fn splits(&self, _parallelism: usize) -> Result<Vec<Self::Split>> {
///         Ok(self.0.iter().map(|text| (text.clone(), 0)).collect())
///     }
///
///     fn reader(&self, _context: &RuntimeContext) -> Result<ByteReader> {
///         Ok(ByteReader::default())
///     }
/// }
///
/// #[derive(Default)]
/// struct ByteReader(Vec<(String, u64)>);
///
/// impl SourceReader for ByteReader {
///     type Item = u8;
///     type Split = (String, u64);
///
///     fn add_splits(&mut self, splits: Vec<Self::Split>) -> Result {
///         self.0.extend(splits);
///         Ok(())
///     }
///
///     fn poll_next(&mut self, max: usize, out: &mut impl Collector<u8>) -> Result<Progress> {
///         let Some((text, next)) = self.0.last_mut() else {
///             return Ok(Progress::End);
///         };
///         let rest = &text.as_bytes()[usize::try_from(*next)?..];
///         let taken = rest.len().min(max);
///         rest[..taken].iter().for_each(|byte| out.collect(*byte));
///         *next += taken as u64;
///         if taken == rest.len() {
///             self.0.pop();
///         }
///         Ok(Progress::More)
///     }
///
///     // What a checkpoint holds: the splits that are not read to their end, with their places.
///     fn snapshot(&mut self) -> Result<Vec<Self::Split>> {
///         Ok(self.0.clone())
///     }
/// }
///
/// let env = StreamExecutionEnvironment::new();
/// let bytes = env.from_source(BytesOf(vec!["ab".into(), "c".into()]), "bytes").collect();
/// env.execute("read bytes")?;
/// let mut bytes = bytes.take();
/// bytes.sort();
/// assert_eq!(bytes, b"abc");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
