//! Text files and directories of them, line by line.
//!
//! ```text
//!  file   |line\nline\nli|ne\nline\n|       a split is a range of bytes of a file;
//!         └─ split 0 ────┴─ split 1 ─┘      a line belongs to the split in which it begins
//! ```
//!
//! A checkpoint holds of each split how far it is read, so that a file can be gone on with in the middle, and by
//! another subtask. Which files there are, and how long they are, is looked up once, when the job begins.

mod listing;
mod reader;

use std::path::{Path, PathBuf};

use borsh::{BorshDeserialize, BorshSerialize};

use crate::api::source::Source;
use crate::failure::Result;
use crate::runtime_context::RuntimeContext;
pub use reader::TextLineReader;

/// The lines of text files, without their line ends. (Flink's `FileSource` with its `TextLineInputFormat`.)
///
/// ```
/// use everspan_stream::{FileSource, StreamExecutionEnvironment};
///
/// let dir = std::env::temp_dir().join("everspan-file-source-doc");
/// std::fs::create_dir_all(&dir)?;
/// std::fs::write(dir.join("poem.txt"), "to be\nor not to be\n")?;
///
/// let env = StreamExecutionEnvironment::new();
/// let lines = env.from_source(FileSource::text_lines(&dir), "poem").collect();
/// env.execute("read")?;
/// assert_eq!(lines.take(), ["to be", "or not to be"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct FileSource {
    path: PathBuf,
    line_bytes_max: usize,
}

/// A longer line is an error, unless the source says otherwise.
const LINE_BYTES_MAX: usize = 16 << 20;

impl FileSource {
    /// The lines of a file, or of every file below a directory, in the order of their names. What begins with `.` or
    /// `_` is left out, as it is not finished yet. Lines end with `\n` or `\r\n` and are UTF-8.
    pub fn text_lines(path: impl AsRef<Path>) -> Self {
        Self {
            path: path.as_ref().to_owned(),
            line_bytes_max: LINE_BYTES_MAX,
        }
    }

    /// The longest line in bytes, 16 MiB unless set; a longer one is an error.
    #[must_use]
    pub fn line_bytes_max(mut self, bytes: usize) -> Self {
        self.line_bytes_max = bytes;
        self
    }
}

/// A range of bytes of a file, as far as it is read.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct FileSplit {
    /// The file, absolute.
    pub path: String,
    /// The next byte to be read.
    pub next: u64,
    /// Where the split ends; a line that begins before is read whole.
    pub end: u64,
    /// Whether a line begins at `next`. If not, the line around it is the split's before.
    pub at_line: bool,
}

impl Source for FileSource {
    type Item = String;
    type Split = FileSplit;
    type Reader = TextLineReader;

    fn splits(&self, parallelism: usize) -> Result<Vec<FileSplit>> {
        let files = listing::files(&self.path)?;
        Ok(listing::divide(&files, parallelism))
    }

    fn reader(&self, _context: &RuntimeContext) -> Result<TextLineReader> {
        Ok(TextLineReader::new(self.line_bytes_max))
    }
}

#[cfg(test)]
mod tests;
