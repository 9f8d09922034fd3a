//! What the sender process of a pipeline has delivered: a file of its own beside the position, in the same format.
//!
//! ```text
//!  sender process:  open, lock ──► batch taken ──► note ──► answer ──► … ──► end (unlocks)
//!  next start:      wait for the lock ──► read ──► into the position ──► remove
//! ```
//!
//! The process holds an exclusive lock on the file while it lives, so whoever starts after a crash knows whether a
//! delivery is still under way. The file is removed at each start: one that is still held by a process of before, which
//! was not waited for any longer, then tells nobody anything about batches that have other spans by now.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::marks::Marks;
use crate::position::{Position, open_file};
use crate::{ExportError, Mark};

const NAME: &str = "sent";
/// Between two looks at the lock.
const POLL: Duration = Duration::from_millis(2);

/// The file as its process has it.
#[derive(Debug)]
pub(crate) struct Sent(Position);

/// What a sender process of before has delivered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Before {
    /// There was none, or none that noted anything.
    Nothing,
    /// All batches up to this number are done with, up to these records.
    UpTo(u64, Marks),
    /// It is still there, and nobody knows what becomes of its delivery.
    StillThere,
}

impl Sent {
    /// Opens the file in `dir`, or makes it, and locks it; waits at most so long for another process that has it.
    pub(crate) fn open(dir: &Path, wait_max: Duration) -> Result<Self, ExportError> {
        let path = dir.join(NAME);
        let failed = |why: &dyn std::fmt::Display| ExportError::spool(&path, why);
        let file = open_file(&path).map_err(|error| failed(&error))?;
        if !is_locked_within(&file, wait_max).map_err(|error| failed(&error))? {
            return Err(failed(&"another sender process has it"));
        }
        Position::read(path, file).map(Self)
    }

    /// All batches up to this number are done with.
    pub(crate) fn taken(&self) -> u64 {
        self.0.taken()
    }

    /// Batch `number` is done with. It outlives this process at once.
    pub(crate) fn note(&self, number: u64, marks: &[Mark]) -> io::Result<()> {
        self.0.take(number, marks)
    }
}

/// What the file in `dir` says, as soon as no process holds it, at the latest after this wait.
pub(crate) fn before(dir: &Path, wait_max: Duration) -> Result<Before, ExportError> {
    let path = dir.join(NAME);
    if !path.exists() {
        return Ok(Before::Nothing);
    }
    let failed = |error: io::Error| ExportError::spool(&path, error);
    let file = open_file(&path).map_err(failed)?;
    if !is_locked_within(&file, wait_max).map_err(failed)? {
        return Ok(Before::StillThere);
    }
    let position = Position::read(path, file)?;
    Ok(match position.taken() {
        0 => Before::Nothing,
        taken => Before::UpTo(taken, position.marks()),
    })
}

/// What it said is in the position now, which was synced. The caller syncs the directory.
pub(crate) fn remove(dir: &Path) -> Result<(), ExportError> {
    let path = dir.join(NAME);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ExportError::spool(&path, error)),
        _ => Ok(()),
    }
}

fn is_locked_within(file: &File, wait_max: Duration) -> io::Result<bool> {
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if begun.elapsed() >= wait_max => return Ok(false),
            Err(TryLockError::WouldBlock) => thread::sleep(POLL),
        }
    }
}

#[cfg(test)]
mod tests;
