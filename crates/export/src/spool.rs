//! Spans that wait on disk: files of checksummed entries, written at the end, read from the front.
//!
//! ```text
//!   00000000000000000007.spans   [7][8][9]      gone as soon as 7, 8 and 9 are delivered
//!   00000000000000000010.spans   [10][12]▌      the one that is written to; named by its first batch
//! ```
//!
//! An entry counts from the moment it is written: the pages outlive the process. [`sync`](Spool::sync) makes all of
//! them outlive the machine too. Nothing here waits for a network.

pub(crate) mod format;
mod recovery;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Batch;
use format::FILE_HEADER_BYTES;

pub(crate) use recovery::{Found, Recovered, recover};

/// A file that has so many bytes is followed by another one, so that disk space comes back in steps.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// The limit of a spool is at least so many files.
const FILES_MIN: u64 = 16;

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    file: u64,
    offset: u64,
    bytes: u64,
}

#[cfg(test)]
impl Place {
    /// One that can be told from others.
    pub(crate) fn for_test(number: u64) -> Self {
        Self {
            file: number,
            offset: 0,
            bytes: 0,
        }
    }
}

/// Why a batch is not on disk.
#[derive(Debug)]
pub(crate) enum AppendError {
    /// The spool is as large as it may be.
    NoRoom,
    /// The batch is larger than an entry can be.
    TooLarge,
    /// The disk said no.
    Disk(io::Error),
}

/// The spool files of one pipeline.
#[derive(Debug)]
pub(crate) struct Spool {
    dir: PathBuf,
    bytes_max: u64,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    files: BTreeMap<u64, Info>,
    /// Of all files together.
    bytes: u64,
    current: Option<Current>,
    /// Written to since the last sync.
    unsynced: Vec<Arc<File>>,
    scratch: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Info {
    bytes: u64,
    /// Entries that are not delivered yet.
    live: usize,
}

/// The file that is written to.
#[derive(Debug)]
struct Current {
    number: u64,
    file: Arc<File>,
}

impl Spool {
    /// Over the files that recovery found in `dir`.
    pub(crate) fn new(dir: &Path, bytes_max: u64, recovered: &Recovered) -> Self {
        let mut files: BTreeMap<u64, Info> = BTreeMap::new();
        for (number, bytes) in &recovered.files {
            let info = Info {
                bytes: *bytes,
                live: 0,
            };
            files.insert(*number, info);
        }
        for found in &recovered.entries {
            files.entry(found.place.file).or_default().live += 1;
        }
        let inner = Inner {
            bytes: files.values().map(|info| info.bytes).sum(),
            files,
            ..Inner::default()
        };
        Self {
            dir: dir.to_owned(),
            bytes_max,
            inner: Mutex::new(inner),
        }
    }

    /// The bytes of all files.
    pub(crate) fn bytes(&self) -> u64 {
        self.lock().bytes
    }

    /// Writes a batch behind all others.
    pub(crate) fn append(&self, number: u64, batch: &Batch) -> Result<Place, AppendError> {
        let mut inner = self.lock();
        let inner = &mut *inner;
        inner.scratch.clear();
        if !format::encode(number, batch, &mut inner.scratch) {
            return Err(AppendError::TooLarge);
        }
        self.leave_current(inner);
        let bytes = inner.scratch.len() as u64;
        let header = if inner.current.is_some() {
            0
        } else {
            FILE_HEADER_BYTES
        };
        if inner.bytes + header + bytes > self.bytes_max {
            return Err(AppendError::NoRoom);
        }
        if inner.current.is_none() {
            self.begin_file(number, inner).map_err(AppendError::Disk)?;
        }
        let current = inner.current.as_ref().expect("a file was just begun");
        let info = inner
            .files
            .get_mut(&current.number)
            .expect("the current file is known");
        let offset = info.bytes;
        if let Err(error) = current.file.write_all_at(&inner.scratch, offset) {
            // What was written of it is written over by the next one, or found to be torn.
            drop(current.file.set_len(offset));
            return Err(AppendError::Disk(error));
        }
        info.bytes += bytes;
        info.live += 1;
        inner.bytes += bytes;
        let is_listed = |file: &Arc<File>| Arc::ptr_eq(file, &current.file);
        if !inner.unsynced.last().is_some_and(is_listed) {
            inner.unsynced.push(Arc::clone(&current.file));
        }
        Ok(Place {
            file: current.number,
            offset,
            bytes,
        })
    }

    /// Makes all that was appended before outlive a power cut.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let files = std::mem::take(&mut self.lock().unsynced);
        if files.is_empty() {
            return Ok(());
        }
        for file in &files {
            file.sync_data()?;
        }
        File::open(&self.dir)?.sync_all()
    }

    /// The batch is delivered: its room comes back once the others of its file are delivered too. Whether it did.
    pub(crate) fn release(&self, place: Place) -> bool {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let Some(info) = inner.files.get_mut(&place.file) else {
            return false;
        };
        info.live = info.live.saturating_sub(1);
        if info.live > 0 {
            return false;
        }
        if let Some(current) = inner.current.take_if(|current| current.number == place.file) {
            inner.unsynced.retain(|file| !Arc::ptr_eq(file, &current.file));
        }
        self.remove(place.file, inner);
        true
    }

    /// Leaves a file that is full, for the next one.
    fn leave_current(&self, inner: &mut Inner) {
        let file_bytes_max = (self.bytes_max / FILES_MIN).min(FILE_BYTES_MAX);
        let Some(current) = &inner.current else { return };
        let info = inner.files[&current.number];
        if info.bytes + inner.scratch.len() as u64 > file_bytes_max && info.live > 0 {
            inner.current = None;
        }
    }

    fn begin_file(&self, number: u64, inner: &mut Inner) -> io::Result<()> {
        let path = self.dir.join(format::file_name(number));
        let file = File::create_new(&path)?;
        if let Err(error) = file.write_all_at(&format::file_header(), 0) {
            drop(fs::remove_file(&path));
            return Err(error);
        }
        let info = Info {
            bytes: FILE_HEADER_BYTES,
            live: 0,
        };
        inner.files.insert(number, info);
        inner.bytes += info.bytes;
        inner.current = Some(Current {
            number,
            file: Arc::new(file),
        });
        Ok(())
    }

    fn remove(&self, number: u64, inner: &mut Inner) {
        if let Err(error) = fs::remove_file(self.dir.join(format::file_name(number)))
            && error.kind() != io::ErrorKind::NotFound
        {
            // It is looked at again at the next start, where its batches are known to be delivered.
            tracing::warn!(%error, file = number, "a trace spool file could not be removed");
        }
        if let Some(info) = inner.files.remove(&number) {
            inner.bytes -= info.bytes;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads batches back, with the file of the last one kept open.
#[derive(Debug)]
pub(crate) struct Reader {
    dir: PathBuf,
    open: Option<(u64, File)>,
}

impl Reader {
    pub(crate) fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            open: None,
        }
    }

    /// The batch at `place`; the error says what is wrong with it.
    pub(crate) fn read(&mut self, place: Place) -> Result<Batch, String> {
        let mut bytes = vec![0; usize::try_from(place.bytes).map_err(|error| error.to_string())?];
        self.read_bytes(place, &mut bytes)
            .map_err(|error| error.to_string())?;
        format::decode(&bytes).ok_or_else(|| "its checksum is wrong".to_owned())
    }

    fn read_bytes(&mut self, place: Place, bytes: &mut [u8]) -> io::Result<()> {
        if self.open.as_ref().is_none_or(|(number, _)| *number != place.file) {
            self.open = None;
            let file = File::open(self.dir.join(format::file_name(place.file)))?;
            self.open = Some((place.file, file));
        }
        let (_, file) = self.open.as_ref().expect("the file was just opened");
        file.read_exact_at(bytes, place.offset)
    }
}

#[cfg(test)]
mod tests;
