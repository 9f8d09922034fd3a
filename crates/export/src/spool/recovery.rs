//! What a spool holds when its pipeline starts.
//!
//! Entries up to number `synced` were promised to be there: when one of them is damaged it is lost, and those behind it
//! are still good. Behind `synced` a damaged entry is the end: a power cut may have left anything there, and the spans
//! of it are built again from the log of whoever pushed them.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::Place;
use super::format::{self, BadFile, FILE_HEADER_BYTES, FILE_HEADER_SIZE, HEADER_SIZE, Header};
use crate::ExportError;
use crate::marks::Marks;

/// All that was found.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    /// File → its bytes.
    pub(crate) files: BTreeMap<u64, u64>,
    /// Batches that are not delivered yet, oldest first.
    pub(crate) entries: Vec<Found>,
    /// How far the batches on disk reach.
    pub(crate) marks: Marks,
    /// The highest number of a batch that was ever seen here.
    pub(crate) last: u64,
}

/// A batch on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) number: u64,
    pub(crate) spans: u64,
    pub(crate) place: Place,
}

/// How the reading of one file ended.
enum End {
    /// At its end.
    Whole,
    /// At damage, at this offset.
    Damaged(u64),
}

/// Reads what is in `dir`, of which batches up to `taken` are delivered and those up to `synced` were promised.
/// Delivered files are removed, a torn end is cut off.
pub(crate) fn recover(dir: &Path, taken: u64, synced: u64) -> Result<Recovered, ExportError> {
    let mut recovered = Recovered {
        last: taken,
        ..Recovered::default()
    };
    let failed = |error: io::Error| ExportError::spool(dir, error);
    let mut torn = false;
    for number in file_numbers(dir).map_err(failed)? {
        let path = dir.join(format::file_name(number));
        if torn {
            fs::remove_file(&path).map_err(failed)?;
            continue;
        }
        let before = recovered.entries.len();
        let end = recovered.scan(&path, number, taken, synced)?;
        if let End::Damaged(at) = end {
            torn = recovered.last >= synced;
            tracing::warn!(
                file = %path.display(),
                offset = at,
                promised = !torn,
                "a trace spool file is damaged: what stands behind is left out"
            );
            if torn && at > FILE_HEADER_BYTES {
                cut(&path, at).map_err(failed)?;
            }
        }
        if recovered.entries.len() == before {
            fs::remove_file(&path).map_err(failed)?;
        } else {
            let bytes = fs::metadata(&path).map_err(failed)?.len();
            recovered.files.insert(number, bytes);
            // From now on it is promised, whatever it was before.
            File::open(&path)
                .and_then(|file| file.sync_all())
                .map_err(failed)?;
        }
    }
    Ok(recovered)
}

fn file_numbers(dir: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(dir)? {
        numbers.extend(entry?.file_name().to_str().and_then(format::file_number));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn cut(path: &Path, at: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(at)?;
    file.sync_all()
}

impl Recovered {
    fn scan(&mut self, path: &Path, number: u64, taken: u64, synced: u64) -> Result<End, ExportError> {
        let failed = |error: io::Error| ExportError::spool(path, error);
        let file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let mut head = [0; FILE_HEADER_SIZE];
        if length < FILE_HEADER_BYTES {
            return Ok(End::Damaged(0));
        }
        file.read_exact_at(&mut head, 0).map_err(failed)?;
        match format::check_file_header(&head) {
            Ok(()) => {}
            Err(BadFile::NoHeader) => return Ok(End::Damaged(0)),
            Err(BadFile::Version(found)) => {
                let why = format!(
                    "it is of format {found}, this version reads format {}",
                    format::VERSION
                );
                return Err(ExportError::spool(path, why));
            }
        }
        let mut offset = FILE_HEADER_BYTES;
        while offset < length {
            let Some((header, marks)) = entry(&file, offset, length, synced).map_err(failed)? else {
                return Ok(End::Damaged(offset));
            };
            if header.number <= self.last && header.number > taken {
                return Ok(End::Damaged(offset)); // numbers only grow
            }
            self.last = self.last.max(header.number);
            if header.number > taken {
                let bytes = header.entry_bytes();
                self.marks.raise_all(marks.as_slice());
                self.entries.push(Found {
                    number: header.number,
                    spans: u64::from(header.spans),
                    place: Place {
                        file: number,
                        offset,
                        bytes,
                    },
                });
            }
            offset += header.entry_bytes();
        }
        Ok(End::Whole)
    }
}

/// The head of the entry at `offset`, if it is whole; bodies are looked at only where nothing was promised.
fn entry(
    file: &File,
    offset: u64,
    length: u64,
    synced: u64,
) -> io::Result<Option<(Header, Vec<crate::Mark>)>> {
    let mut head = [0; HEADER_SIZE];
    if length - offset < HEADER_SIZE as u64 {
        return Ok(None);
    }
    file.read_exact_at(&mut head, offset)?;
    let Some(header) = Header::parse(&head) else {
        return Ok(None);
    };
    if length - offset < header.entry_bytes() {
        return Ok(None);
    }
    let mut marks = vec![0; header.marks_bytes()];
    let marks_at = offset + HEADER_SIZE as u64;
    file.read_exact_at(&mut marks, marks_at)?;
    let Some(found) = header.marks(&head, &marks) else {
        return Ok(None);
    };
    if header.number > synced {
        let mut body = vec![0; header.body_bytes as usize];
        file.read_exact_at(&mut body, marks_at + marks.len() as u64)?;
        if !header.is_body_whole(&body) {
            return Ok(None);
        }
    }
    Ok(Some((header, found)))
}
