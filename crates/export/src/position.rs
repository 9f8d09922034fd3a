//! How far a pipeline has come, on disk: which batches its destination has, and how far the records behind them reach.
//!
//! The file has two slots that are written in turn, so that one of them is always whole. A write goes to the page
//! cache: it outlives the process at once, and the machine after a sync. All numbers are little-endian.
//!
//! ```text
//! slot (at 0 and at 1 MiB)   magic "EVSPPOSN" · version u32 · marks u32 · generation u64 · taken u64 · synced u64
//!                            · marks × (source u16 · upto u64) · CRC-32C of all before u32
//! ```

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::marks::Marks;
use crate::{ExportError, Mark};

const NAME: &str = "position";
const MAGIC: &[u8; 8] = b"EVSPPOSN";
const VERSION: u32 = 1;
const HEADER_SIZE: usize = 40;
const MARK_SIZE: usize = 10;
/// Room for marks of all possible sources.
const SLOT_BYTES: u64 = 1 << 20;

/// The position file of one pipeline.
#[derive(Debug)]
pub(crate) struct Position {
    path: PathBuf,
    file: File,
    found: PositionFound,
    inner: Mutex<Inner>,
}

/// What was there at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PositionFound {
    /// Nothing: the reporter is new.
    Nothing,
    /// A position.
    Whole,
    /// A file that cannot be read. Better to send again what was sent than to leave out what was not.
    Damaged,
}

#[derive(Debug, Default)]
struct Inner {
    now: Slot,
    scratch: Vec<u8>,
}

/// What one slot tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Slot {
    generation: u64,
    taken: u64,
    synced: u64,
    marks: Marks,
}

/// What is wrong with a slot.
#[derive(Debug, PartialEq, Eq)]
enum BadSlot {
    Damaged,
    Version(u32),
}

impl Position {
    /// Opens the file in `dir`, or makes it.
    pub(crate) fn open(dir: &Path) -> Result<Self, ExportError> {
        let path = dir.join(NAME);
        let file = open_file(&path).map_err(|error| ExportError::spool(&path, error))?;
        Self::read(path, file)
    }

    /// What stands in this file.
    pub(crate) fn read(path: PathBuf, file: File) -> Result<Self, ExportError> {
        let failed = |error: io::Error| ExportError::spool(&path, error);
        let (found, now) = match newest(&file).map_err(failed)? {
            Ok(Some(slot)) => (PositionFound::Whole, slot),
            Ok(None) if file.metadata().map_err(failed)?.len() == 0 => {
                (PositionFound::Nothing, Slot::default())
            }
            Ok(None) => {
                tracing::error!(
                    file = %path.display(),
                    "the position of a trace reporter is damaged: spans may be sent again"
                );
                (PositionFound::Damaged, Slot::default())
            }
            Err(version) => {
                let why = format!("it is of format {version}, this version reads format {VERSION}");
                return Err(ExportError::spool(&path, why));
            }
        };
        let inner = Inner {
            now,
            scratch: Vec::new(),
        };
        Ok(Self {
            path,
            file,
            found,
            inner: Mutex::new(inner),
        })
    }

    /// What was there at the start.
    pub(crate) fn found(&self) -> PositionFound {
        self.found
    }

    /// All batches up to this number are done with.
    pub(crate) fn taken(&self) -> u64 {
        self.lock().now.taken
    }

    /// All batches up to this number that are in the spool were synced.
    pub(crate) fn synced(&self) -> u64 {
        self.lock().now.synced
    }

    /// How far the batches reach that are done with.
    pub(crate) fn marks(&self) -> Marks {
        self.lock().now.marks.clone()
    }

    /// Takes over what another file says: batches up to this number are done with, and the records behind them. It is
    /// written by [`begin`](Position::begin).
    pub(crate) fn merge(&self, taken: u64, marks: &Marks) {
        let mut inner = self.lock();
        inner.now.taken = inner.now.taken.max(taken);
        inner.now.marks.raise_all(marks.as_slice());
    }

    /// Writes both slots and syncs them: what the pipeline starts from.
    pub(crate) fn begin(&self, synced: u64, marks: Marks) -> Result<(), ExportError> {
        let failed = |error: io::Error| ExportError::spool(&self.path, error);
        let mut inner = self.lock();
        inner.now.synced = inner.now.synced.max(synced);
        inner.now.marks = marks;
        self.write(&mut inner).map_err(failed)?;
        self.write(&mut inner).map_err(failed)?;
        self.file.sync_all().map_err(failed)
    }

    /// Batch `number` is done with, for good or ill.
    pub(crate) fn take(&self, number: u64, marks: &[Mark]) -> io::Result<()> {
        let mut inner = self.lock();
        inner.now.taken = number;
        inner.now.marks.raise_all(marks);
        self.write(&mut inner)
    }

    /// The spool was synced up to batch `number`; so is this file then.
    pub(crate) fn sync(&self, number: u64) -> io::Result<()> {
        let mut inner = self.lock();
        inner.now.synced = inner.now.synced.max(number);
        self.write(&mut inner)?;
        drop(inner);
        self.file.sync_data()
    }

    fn write(&self, inner: &mut Inner) -> io::Result<()> {
        inner.now.generation += 1;
        inner.scratch.clear();
        inner.now.encode(&mut inner.scratch);
        let at = (inner.now.generation % 2) * SLOT_BYTES;
        self.file.write_all_at(&inner.scratch, at)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens a file with a position, or makes one that has none yet.
pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
}

/// The newest whole slot; the error is the version of a file that is too new.
fn newest(file: &File) -> io::Result<Result<Option<Slot>, u32>> {
    let mut best: Option<Slot> = None;
    for at in [0, SLOT_BYTES] {
        match Slot::decode(&read_slot(file, at)?) {
            Ok(slot) => {
                if best.as_ref().is_none_or(|best| best.generation < slot.generation) {
                    best = Some(slot);
                }
            }
            Err(BadSlot::Damaged) => {}
            Err(BadSlot::Version(version)) => return Ok(Err(version)),
        }
    }
    Ok(Ok(best))
}

fn read_slot(file: &File, at: u64) -> io::Result<Vec<u8>> {
    let length = file.metadata()?.len().saturating_sub(at).min(SLOT_BYTES);
    let mut head = vec![0; usize::try_from(length).unwrap_or(0).min(HEADER_SIZE)];
    file.read_exact_at(&mut head, at)?;
    let marks = head.get(12..16).map_or(0, |bytes| u32_at(bytes, 0));
    let whole = HEADER_SIZE as u64 + u64::from(marks) * MARK_SIZE as u64 + 4;
    let mut bytes = vec![0; usize::try_from(whole.min(length)).unwrap_or(0)];
    file.read_exact_at(&mut bytes, at)?;
    Ok(bytes)
}

impl Slot {
    fn encode(&self, out: &mut Vec<u8>) {
        let marks = self.marks.as_slice();
        let count = u32::try_from(marks.len()).expect("there are 65,536 sources at most");
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&count.to_le_bytes());
        for number in [self.generation, self.taken, self.synced] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for mark in marks {
            out.extend_from_slice(&mark.source.to_le_bytes());
            out.extend_from_slice(&mark.upto.to_le_bytes());
        }
        let checksum = crc32c::crc32c(out);
        out.extend_from_slice(&checksum.to_le_bytes());
    }

    fn decode(bytes: &[u8]) -> Result<Self, BadSlot> {
        if bytes.len() < HEADER_SIZE + 4 || &bytes[..8] != MAGIC {
            return Err(BadSlot::Damaged);
        }
        let count = u32_at(bytes, 12) as usize;
        let end = count
            .checked_mul(MARK_SIZE)
            .and_then(|marks| marks.checked_add(HEADER_SIZE))
            .filter(|end| bytes.len() == end + 4)
            .ok_or(BadSlot::Damaged)?;
        if crc32c::crc32c(&bytes[..end]) != u32_at(bytes, end) {
            return Err(BadSlot::Damaged);
        }
        if u32_at(bytes, 8) != VERSION {
            return Err(BadSlot::Version(u32_at(bytes, 8)));
        }
        let mut marks = Marks::default();
        for mark in bytes[HEADER_SIZE..end].chunks_exact(MARK_SIZE) {
            marks.raise(Mark {
                source: u16::from_le_bytes([mark[0], mark[1]]),
                upto: u64_at(mark, 2),
            });
        }
        Ok(Self {
            generation: u64_at(bytes, 16),
            taken: u64_at(bytes, 24),
            synced: u64_at(bytes, 32),
            marks,
        })
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests;
