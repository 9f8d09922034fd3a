//! Reads the lines of splits.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

use super::FileSplit;
use crate::api::source::{Progress, SourceReader};
use crate::collector::Collector;
use crate::failure::{BoxError, Result};

/// Read at a time.
const BUFFER_BYTES: usize = 256 << 10;
/// A step reads no more than this and one line, however long the lines are.
const STEP_BYTES: u64 = 1 << 20;

/// See [`FileSource`](super::FileSource).
#[derive(Debug)]
pub struct TextLineReader {
    line_bytes_max: usize,
    /// The first is being read.
    splits: VecDeque<FileSplit>,
    /// The file of the first split, at its `next`.
    open: Option<BufReader<File>>,
    line: Vec<u8>,
}

impl TextLineReader {
    pub(super) fn new(line_bytes_max: usize) -> Self {
        Self {
            line_bytes_max,
            splits: VecDeque::new(),
            open: None,
            line: Vec::new(),
        }
    }

    /// The line at `split.next`; moves on.
    fn next_line(&mut self) -> Result<String> {
        let split = self.splits.front_mut().expect("a line is of a split");
        let file = self.open.as_mut().expect("the file of the first split is open");
        self.line.clear();
        let most = self.line_bytes_max as u64;
        // One byte more tells a line that is too long from one that just fits, two leave room for its end.
        let mut limited = file.by_ref().take(most + 2);
        let read = limited
            .read_until(b'\n', &mut self.line)
            .map_err(|error| unreadable(split, &error))?;
        let begins = split.next;
        if read == 0 {
            return Err(changed(split, begins).into());
        }
        split.next += read as u64;
        trim_end(&mut self.line);
        if self.line.len() > self.line_bytes_max {
            let path = &split.path;
            return Err(format!("{path}: the line at byte {begins} is longer than {most} bytes").into());
        }
        match std::str::from_utf8(&self.line) {
            Ok(line) => Ok(line.to_owned()),
            Err(error) => {
                let path = &split.path;
                Err(format!("{path}: the line at byte {begins} is not UTF-8: {error}").into())
            }
        }
    }

    /// Opens the file of the first split and goes to the first line that is its own.
    fn open(&mut self) -> Result {
        let split = self.splits.front_mut().expect("there is a split to open");
        let opened = open_at(split)?;
        self.open = Some(opened);
        if !split.at_line {
            split.at_line = true;
            // The line that ends here, or goes on, belongs to the split before.
            split.next -= 1;
            self.skip_line()?;
        }
        Ok(())
    }

    fn skip_line(&mut self) -> Result {
        let split = self.splits.front_mut().expect("a line is of a split");
        let file = self.open.as_mut().expect("the file of the first split is open");
        let skipped = file
            .skip_until(b'\n')
            .map_err(|error| unreadable(split, &error))?;
        split.next += skipped as u64;
        Ok(())
    }

    fn close(&mut self) {
        self.open = None;
        self.splits.pop_front();
    }
}

/// Positions the file at the split's next byte, or one before it if that is not known to begin a line.
fn open_at(split: &FileSplit) -> Result<BufReader<File>> {
    let from = if split.at_line { split.next } else { split.next - 1 };
    let mut file = File::open(&split.path).map_err(|error| unreadable(split, &error))?;
    let bytes = file.metadata().map_err(|error| unreadable(split, &error))?.len();
    if bytes < split.end {
        return Err(changed(split, bytes).into());
    }
    file.seek(SeekFrom::Start(from))
        .map_err(|error| unreadable(split, &error))?;
    Ok(BufReader::with_capacity(BUFFER_BYTES, file))
}

fn changed(split: &FileSplit, bytes: u64) -> String {
    let FileSplit { path, end, .. } = split;
    format!("{path} has {bytes} bytes, but had at least {end} when the job began: it was changed")
}

fn unreadable(split: &FileSplit, error: &std::io::Error) -> BoxError {
    format!("cannot read {}: {error}", split.path).into()
}

fn trim_end(line: &mut Vec<u8>) {
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    }
}

impl SourceReader for TextLineReader {
    type Item = String;
    type Split = FileSplit;

    fn add_splits(&mut self, splits: Vec<FileSplit>) -> Result {
        self.splits.extend(splits);
        Ok(())
    }

    fn poll_next(&mut self, max: usize, out: &mut impl Collector<String>) -> Result<Progress> {
        if self.splits.is_empty() {
            return Ok(Progress::End);
        }
        if self.open.is_none() {
            self.open()?;
        }
        let began = self.splits[0].next;
        for _ in 0..max {
            let split = &self.splits[0];
            if split.next >= split.end {
                self.close();
                break;
            }
            if split.next - began >= STEP_BYTES {
                break;
            }
            out.collect(self.next_line()?);
        }
        Ok(Progress::More)
    }

    fn snapshot(&mut self) -> Result<Vec<FileSplit>> {
        Ok(self.splits.iter().cloned().collect())
    }
}
