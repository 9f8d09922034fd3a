//! The directory of a pipeline: a lock, the position, what a sender process noted, the spool.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::marks::Marks;
use crate::position::{Position, PositionFound};
use crate::sent::{self, Before};
use crate::spool::{self, Found, Reader, Spool};
use crate::{ExportError, Mark, SpoolOptions};

/// What a pipeline has on disk. One process at a time.
#[derive(Debug)]
pub(crate) struct Storage {
    pub(crate) position: Position,
    pub(crate) spool: Spool,
    dir: PathBuf,
    /// Held as long as this lives.
    _lock: File,
}

/// What was there at the start.
#[derive(Debug)]
pub(crate) struct Start {
    /// Batches that wait on disk.
    pub(crate) found: Vec<Found>,
    /// The number of the next batch.
    pub(crate) next_number: u64,
    /// Up to which records all spans are safe.
    pub(crate) marks: Marks,
}

impl Start {
    /// The start of a pipeline that keeps nothing.
    pub(crate) fn without_disk(baseline: &[Mark]) -> Self {
        let mut marks = Marks::default();
        marks.raise_all(baseline);
        Self {
            found: Vec::new(),
            next_number: 1,
            marks,
        }
    }
}

impl Storage {
    /// Opens the directory, or makes it. A source that is not known there begins at its `baseline`; one that is known
    /// cannot be further than that. A sender process of before is waited for at most so long.
    pub(crate) fn open(
        options: &SpoolOptions,
        baseline: &[Mark],
        sender_wait_max: Duration,
    ) -> Result<(Self, Start), ExportError> {
        let dir = &options.dir;
        make(dir).map_err(|error| ExportError::spool(dir, error))?;
        let lock = lock(dir)?;
        let position = Position::open(dir)?;
        match sent::before(dir, sender_wait_max)? {
            Before::Nothing => {}
            Before::UpTo(taken, marks) => position.merge(taken, &marks),
            Before::StillThere => tracing::warn!(
                dir = %dir.display(),
                waited_ms = u64::try_from(sender_wait_max.as_millis()).unwrap_or(u64::MAX),
                "a delivery from before the start is still under way: its spans may be sent again"
            ),
        }
        let recovered = spool::recover(dir, position.taken(), position.synced())?;
        let mut marks = position.marks();
        marks.raise_all(recovered.marks.as_slice());
        for mark in baseline {
            if position.found() == PositionFound::Damaged {
                let unknown = Mark { upto: 0, ..*mark };
                marks.raise(unknown);
            }
            marks.cap(*mark);
        }
        position.begin(recovered.last, marks.clone())?;
        sent::remove(dir)?;
        let spool = Spool::new(dir, options.bytes_max, &recovered);
        sync(dir).map_err(|error| ExportError::spool(dir, error))?;
        let start = Start {
            next_number: recovered.last.max(position.synced()) + 1,
            found: recovered.entries,
            marks,
        };
        let storage = Self {
            position,
            spool,
            dir: dir.clone(),
            _lock: lock,
        };
        Ok((storage, start))
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::new(&self.dir)
    }
}

/// A directory that is there after a power cut too: one that went away would look like that of a new reporter.
fn make(dir: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = dir.ancestors().take_while(|path| !path.exists()).collect();
    fs::create_dir_all(dir)?;
    for made in missing {
        let parent = made.parent().filter(|parent| !parent.as_os_str().is_empty());
        sync(parent.unwrap_or(Path::new(".")))?;
    }
    Ok(())
}

fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn lock(dir: &Path) -> Result<File, ExportError> {
    let path = dir.join("lock");
    let failed = |why: &dyn std::fmt::Display| ExportError::spool(&path, why);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|error| failed(&error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(failed(&"another process uses it")),
        Err(TryLockError::Error(error)) => Err(failed(&error)),
    }
}

#[cfg(test)]
mod tests;
