//! Files that hold every record exactly once.
//!
//! ```text
//!  write ──► .part-0-….inprogress ──barrier: synced, closed──► pending, part of the checkpoint
//!                                                                   │ checkpoint completed, or restored
//!                                                                   ▼
//!                                                              part-0-…        visible, complete, never changed
//! ```
//!
//! Names that begin with a dot are the sink's own: who reads the directory leaves them out, as
//! [`FileSource`](crate::FileSource) does. Those that a killed process has left and no checkpoint holds are removed when
//! the job has gone on from its newest checkpoint; `leftovers.rs` says which.

mod leftovers;
mod part;
mod pending;

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::given_path::refused;
use crate::api::sink::{Sink, SinkWriter};
use crate::failure::Result;
use crate::runtime_context::RuntimeContext;
use leftovers::Leftovers;
use part::{Part, PartNames};
pub use pending::PendingFile;

/// Writes records into the files of a directory, each visible once it is complete and its checkpoint is. (Flink's
/// `FileSink` for row formats.) Without checkpoints files become visible when the input has ended.
///
/// ```
/// use everspan_stream::{FileSink, StreamExecutionEnvironment};
///
/// let dir = std::env::temp_dir().join("everspan-file-sink-doc");
/// # drop(std::fs::remove_dir_all(&dir));
/// let env = StreamExecutionEnvironment::new();
/// env.from_sequence(1, 3).sink_to(FileSink::text_lines(&dir));
/// env.execute("write")?;
///
/// let file = std::fs::read_dir(&dir)?.next().expect("one subtask writes one file")?;
/// assert_eq!(std::fs::read_to_string(file.path())?, "1\n2\n3\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct FileSink<E> {
    dir: PathBuf,
    encode: E,
    part_bytes_max: u64,
}

/// A larger part is closed before its barrier, unless the sink says otherwise.
const PART_BYTES_MAX: u64 = 128 << 20;

impl<E> FileSink<E> {
    /// Rows as `encode` appends them to the buffer it is given, its separator included.
    pub fn for_row_format(dir: impl AsRef<Path>, encode: E) -> Self {
        Self {
            dir: dir.as_ref().to_owned(),
            encode,
            part_bytes_max: PART_BYTES_MAX,
        }
    }

    /// A part that has become larger is closed before the next barrier comes; 128 MiB unless set.
    #[must_use]
    pub fn part_bytes_max(mut self, bytes: u64) -> Self {
        self.part_bytes_max = bytes;
        self
    }
}

impl<T: fmt::Display> FileSink<fn(&T, &mut Vec<u8>) -> Result> {
    /// One line per record, as it displays itself.
    pub fn text_lines(dir: impl AsRef<Path>) -> Self {
        Self::for_row_format(dir, |record, row| Ok(writeln!(row, "{record}")?))
    }
}

impl<T, E> Sink<T> for FileSink<E>
where
    E: FnMut(&T, &mut Vec<u8>) -> Result + Clone + Send + 'static,
{
    type Writer = FileWriter<E>;

    fn writer(&self, context: &RuntimeContext) -> Result<FileWriter<E>> {
        let dir = std::path::absolute(&self.dir)
            .and_then(|dir| std::fs::create_dir_all(&dir).map(|()| dir))
            .map_err(|error| refused("make the directory", &self.dir, &error))?;
        let sink = leftovers::sink_of(context);
        Ok(FileWriter {
            names: PartNames::new(dir, context.index_of_this_subtask(), sink.as_deref()),
            leftovers: Leftovers::of(context),
            encode: self.encode.clone(),
            part_bytes_max: self.part_bytes_max,
            part: None,
            closed: Vec::new(),
            row: Vec::new(),
        })
    }
}

/// See [`FileSink`].
#[derive(Debug)]
pub struct FileWriter<E> {
    names: PartNames,
    /// To be removed at the first barrier.
    leftovers: Option<Leftovers>,
    encode: E,
    part_bytes_max: u64,
    /// Being written.
    part: Option<Part>,
    /// Complete since the last barrier.
    closed: Vec<PendingFile>,
    row: Vec<u8>,
}

impl<E> FileWriter<E> {
    fn write_row(&mut self) -> Result {
        if self.part.is_none() {
            self.part = Some(self.names.create()?);
        }
        let part = self.part.as_mut().expect("it was made just now");
        part.write(&self.row)?;
        if part.bytes() >= self.part_bytes_max {
            self.close_part()?;
        }
        Ok(())
    }

    fn close_part(&mut self) -> Result {
        if let Some(part) = self.part.take() {
            self.closed.push(part.finish()?);
        }
        Ok(())
    }
}

impl<T, E> SinkWriter<T> for FileWriter<E>
where
    E: FnMut(&T, &mut Vec<u8>) -> Result + Send + 'static,
{
    type Committable = PendingFile;

    fn write(&mut self, record: T, _timestamp: Option<i64>) -> Result {
        self.row.clear();
        (self.encode)(&record, &mut self.row)?;
        self.write_row()
    }

    fn prepare_commit(&mut self) -> Result<Vec<PendingFile>> {
        if let Some(leftovers) = self.leftovers.take() {
            self.names.remove_leftovers(&leftovers);
        }
        self.close_part()?;
        if !self.closed.is_empty() {
            self.names.sync_directory()?;
        }
        Ok(std::mem::take(&mut self.closed))
    }

    fn commit(&mut self, prepared: Vec<PendingFile>) -> Result {
        pending::commit_all(&prepared)
    }

    /// What no checkpoint holds goes away.
    fn close(&mut self) -> Result {
        let part = self.part.take();
        let closed = std::mem::take(&mut self.closed);
        part.map_or(Ok(()), Part::discard)?;
        closed.iter().try_for_each(PendingFile::discard)
    }
}

#[cfg(test)]
mod tests;
