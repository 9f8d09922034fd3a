//! A file that is being written.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use everspan_export::SystemEnvironment;
use everspan_trace::Environment;

use super::PendingFile;
use super::leftovers::Leftovers;
use crate::failure::{BoxError, Result, SuppressRestarts};

/// Written at a time.
const BUFFER_BYTES: usize = 64 << 10;

/// Names that no other writer gives: subtask, the sink if its runs are to know each other's files, a number drawn for
/// this writer, a count.
#[derive(Debug)]
pub(super) struct PartNames {
    dir: PathBuf,
    stem: String,
    next: u64,
}

impl PartNames {
    pub(super) fn new(dir: PathBuf, subtask: usize, sink: Option<&str>) -> Self {
        let drawn = u64::from_be_bytes(SystemEnvironment.new_span_id().0);
        let writer = sink.map_or_else(|| format!("{drawn:016x}"), |sink| format!("{sink}-{drawn:016x}"));
        Self {
            dir,
            stem: format!("part-{subtask}-{writer}"),
            next: 0,
        }
    }

    /// Removes what earlier runs have left. What cannot be removed costs room and nothing else.
    pub(super) fn remove_leftovers(&self, leftovers: &Leftovers) {
        let dir = self.dir.display();
        match leftovers.remove(&self.dir, &self.stem) {
            Ok(0) => {}
            Ok(files) => tracing::info!(%dir, files, "removed what a run before has left unfinished"),
            Err(error) => tracing::warn!(%dir, %error, "cannot remove what a run before has left unfinished"),
        }
    }

    pub(super) fn create(&mut self) -> Result<Part> {
        let name = format!("{}-{}", self.stem, self.next);
        self.next += 1;
        let hidden = self.dir.join(format!(".{name}.inprogress"));
        let file = File::options()
            .write(true)
            .create_new(true)
            .open(&hidden)
            .map_err(|error| failed("make", &hidden, &error))?;
        Ok(Part {
            file: Some(file),
            hidden,
            visible: self.dir.join(name),
            buffer: Vec::with_capacity(BUFFER_BYTES),
            bytes: 0,
        })
    }

    /// So that the names of complete files outlive a power cut.
    pub(super) fn sync_directory(&self) -> Result {
        sync_directory(&self.dir)
    }
}

/// So that changes of names outlive a power cut.
pub(super) fn sync_directory(dir: &Path) -> Result {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(|error| failed("sync", dir, &error))
}

/// See the module.
pub(super) struct Part {
    file: Option<File>,
    hidden: PathBuf,
    visible: PathBuf,
    buffer: Vec<u8>,
    bytes: u64,
}

impl Part {
    pub(super) fn write(&mut self, row: &[u8]) -> Result {
        self.buffer.extend_from_slice(row);
        self.bytes += row.len() as u64;
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn flush(&mut self) -> Result {
        let mut file = self.file.as_ref().expect("a part is open until it is finished");
        file.write_all(&self.buffer)
            .map_err(|error| failed("write", &self.hidden, &error))?;
        self.buffer.clear();
        Ok(())
    }

    /// Nothing is written to it any more, and all of it is on disk.
    pub(super) fn finish(mut self) -> Result<PendingFile> {
        self.flush()?;
        let file = self.file.take().expect("a part is finished once");
        file.sync_data()
            .map_err(|error| failed("sync", &self.hidden, &error))?;
        Ok(PendingFile {
            hidden: text(&self.hidden)?,
            visible: text(&self.visible)?,
            bytes: self.bytes,
        })
    }

    pub(super) fn discard(self) -> Result {
        fs::remove_file(&self.hidden).map_err(|error| failed("remove", &self.hidden, &error))
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part")
            .field("hidden", &self.hidden)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

fn text(path: &Path) -> Result<String> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| {
        let dir = path.display();
        SuppressRestarts::new(format!(
            "{dir}: the name of a directory to write to must be UTF-8"
        ))
        .into()
    })
}

pub(super) fn failed(what: &str, path: &Path, error: &io::Error) -> BoxError {
    format!("cannot {what} {}: {error}", path.display()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_with_the_file() {
        let Ok(file) = File::options().write(true).open("/dev/full") else {
            return; // a system without one
        };
        let mut part = Part {
            file: Some(file),
            hidden: PathBuf::from(".part-0.inprogress"),
            visible: PathBuf::from("part-0"),
            buffer: Vec::new(),
            bytes: 0,
        };
        part.write(b"row\n").expect("there is room in memory");
        let error = part.finish().expect_err("there is none on the disk").to_string();
        assert_eq!(
            error,
            "cannot write .part-0.inprogress: No space left on device (os error 28)"
        );
    }
}
