//! A table on disk: rows by key group, so that an owner reads only the groups it has.
//!
//! ```text
//! file   = "EVSPHEAP" version(u32, 1) name-length(u16) name row* entry* entries(u32) offset-of-entries(u64)
//! row    = key-length(u32) key value-length(u32) value          length 0xffffffff and no value: the row is gone
//! entry  = group(u16) offset(u64) length(u64) rows(u64)         groups without rows have none
//! ```
//!
//! Integers are little-endian. Nothing here has a checksum: a file is named by what is in it, and compared with that
//! name before it is read.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::num::NonZero;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

use super::HeapError;
use crate::disk::Durability;
use crate::key_group::{KeyGroup, KeyGroupRange};
use crate::store::FileName;

const MAGIC: &[u8; 8] = b"EVSPHEAP";
const VERSION: u32 = 1;
const FOOT_BYTES: u64 = 12;
const ENTRY_BYTES: usize = 26;
/// The two lengths.
const ROW_BYTES_MIN: u64 = 8;
const GONE: u32 = u32::MAX;
/// So many bytes go to the disk at a time while more are written: the sync at the end waits for the last of them only.
const AHEAD_BYTES: u64 = 4 << 20;

/// Where the rows of a group are.
#[derive(Clone, Copy, Debug)]
struct Entry {
    group: KeyGroup,
    offset: u64,
    length: u64,
    rows: u64,
}

/// Writes one file of a table.
pub(super) struct TableWriter {
    file: BufWriter<File>,
    hash: Xxh3,
    written: u64,
    /// Bytes that are on their way to the disk.
    begun: u64,
    entries: Vec<Entry>,
}

/// Rows of one group, as bytes.
#[derive(Default)]
pub(super) struct Rows {
    bytes: Vec<u8>,
    rows: u64,
}

impl Rows {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.rows = 0;
    }

    /// A row that is there; each part appends its bytes.
    pub(super) fn put(&mut self, key: impl FnOnce(&mut Vec<u8>), value: impl FnOnce(&mut Vec<u8>)) {
        self.part(key);
        self.part(value);
        self.rows += 1;
    }

    /// A row that is there no more.
    pub(super) fn remove(&mut self, key: impl FnOnce(&mut Vec<u8>)) {
        self.part(key);
        self.bytes.extend_from_slice(&GONE.to_le_bytes());
        self.rows += 1;
    }

    fn part(&mut self, encode: impl FnOnce(&mut Vec<u8>)) {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        encode(&mut self.bytes);
        let length = u32::try_from(self.bytes.len() - at - 4).expect("a key or value has less than 4 GiB");
        assert!(length != GONE, "a key or value has less than 4 GiB");
        self.bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
    }
}

impl TableWriter {
    pub(super) fn create(path: &Path, name: &str) -> io::Result<Self> {
        let mut writer = Self {
            file: BufWriter::with_capacity(1 << 20, File::create_new(path)?),
            hash: Xxh3::new(),
            written: 0,
            begun: 0,
            entries: Vec::new(),
        };
        let length = u16::try_from(name.len()).expect("the name of a table has less than 64 KiB");
        writer.write(MAGIC)?;
        writer.write(&VERSION.to_le_bytes())?;
        writer.write(&length.to_le_bytes())?;
        writer.write(name.as_bytes())?;
        Ok(writer)
    }

    /// Groups come in their order, each once.
    pub(super) fn group(&mut self, group: KeyGroup, rows: &Rows) -> io::Result<()> {
        if rows.rows == 0 {
            return Ok(());
        }
        self.entries.push(Entry {
            group,
            offset: self.written,
            length: rows.bytes.len() as u64,
            rows: rows.rows,
        });
        self.write(&rows.bytes)
    }

    /// Whether no row was written.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Ends the file, as durable as that.
    pub(super) fn finish(mut self, durability: Durability) -> io::Result<FileName> {
        let offset = self.written;
        for entry in std::mem::take(&mut self.entries) {
            self.write(&entry.group.0.to_le_bytes())?;
            for number in [entry.offset, entry.length, entry.rows] {
                self.write(&number.to_le_bytes())?;
            }
        }
        let entries = (self.written - offset) / ENTRY_BYTES as u64;
        let entries = u32::try_from(entries).expect("there are less key groups than that");
        self.write(&entries.to_le_bytes())?;
        self.write(&offset.to_le_bytes())?;
        self.file.flush()?;
        durability.sync_file(self.file.get_ref())?;
        Ok(FileName {
            checksum: self.hash.digest128(),
            length: self.written,
        })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.written += bytes.len() as u64;
        self.file.write_all(bytes)?;
        self.write_ahead();
        Ok(())
    }

    fn write_ahead(&mut self) {
        let in_file = self.written - self.file.buffer().len() as u64;
        let Some(bytes) = NonZero::new(in_file - self.begun).filter(|bytes| bytes.get() >= AHEAD_BYTES)
        else {
            return;
        };
        // Linux begins to write what is dirty, and forgets nothing that is not written yet. Advice is all it is: whether it is
        // taken does not matter.
        #[cfg(target_os = "linux")]
        rustix::fs::fadvise(
            self.file.get_ref(),
            self.begun,
            Some(bytes),
            rustix::fs::Advice::DontNeed,
        )
        .unwrap_or_default();
        self.begun = in_file;
    }
}

/// One file of a table, to be read.
#[derive(Debug)]
pub(super) struct TableReader {
    path: PathBuf,
    file: File,
    name: String,
    entries: Vec<Entry>,
}

/// A row as it was written; without a value it is gone.
pub(super) type RowBytes<'a> = (&'a [u8], Option<&'a [u8]>);

impl TableReader {
    pub(super) fn open(path: &Path) -> Result<Self, HeapError> {
        let file = File::open(path).map_err(HeapError::io(path))?;
        let length = file.metadata().map_err(HeapError::io(path))?.len();
        let read = |offset, length| read_at(&file, path, offset, length);
        let head = read(0, 14.min(length))?;
        let name = parse_head(&head).ok_or_else(|| HeapError::damaged(path, "it does not begin like one"))?;
        let name = String::from_utf8(read(14, u64::from(name))?)
            .map_err(|_| HeapError::damaged(path, "its table's name is not text"))?;
        let foot = read(length.saturating_sub(FOOT_BYTES), FOOT_BYTES)?;
        let (count, offset) = foot.split_first_chunk::<4>().expect("12 bytes hold 4");
        let (offset, _) = offset.split_first_chunk::<8>().expect("12 bytes hold 4 and 8");
        let offset = u64::from_le_bytes(*offset);
        let bytes = u64::from(u32::from_le_bytes(*count)) * ENTRY_BYTES as u64;
        if offset.checked_add(bytes + FOOT_BYTES) != Some(length) {
            return Err(HeapError::damaged(path, "its length is not what its end says"));
        }
        let entries: Vec<Entry> = read(offset, bytes)?
            .chunks_exact(ENTRY_BYTES)
            .map(parse_entry)
            .collect();
        // What lies must not take the memory of the process.
        let fits = |entry: &Entry| {
            let end = entry.offset.checked_add(entry.length);
            end.is_some_and(|end| end <= offset) && entry.rows <= entry.length / ROW_BYTES_MIN
        };
        if !entries.iter().all(fits) {
            return Err(HeapError::damaged(path, "a group is not inside it"));
        }
        Ok(Self {
            path: path.to_path_buf(),
            file,
            name,
            entries,
        })
    }

    /// The table.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How many rows a group has here, at most.
    pub(super) fn rows(&self, group: KeyGroup) -> usize {
        let entry = self.entries.iter().find(|entry| entry.group == group);
        entry.map_or(0, |entry| usize::try_from(entry.rows).unwrap_or(usize::MAX))
    }

    /// Bytes of the rows of these groups.
    pub(super) fn bytes(&self, range: KeyGroupRange) -> u64 {
        let entries = self.entries.iter().filter(|entry| range.contains(entry.group));
        entries.map(|entry| entry.length).sum()
    }

    /// Gives every row of a group to `take`, in the order in which they were written.
    pub(super) fn read_group(
        &self,
        group: KeyGroup,
        mut take: impl FnMut(RowBytes<'_>) -> Result<(), HeapError>,
    ) -> Result<(), HeapError> {
        let Some(entry) = self.entries.iter().find(|entry| entry.group == group) else {
            return Ok(());
        };
        let bytes = read_at(&self.file, &self.path, entry.offset, entry.length)?;
        let mut rest = bytes.as_slice();
        let cut_off = || HeapError::damaged(&self.path, "a row is cut off");
        while !rest.is_empty() {
            let key = part(&mut rest).ok_or_else(cut_off)?;
            let key = key.ok_or_else(|| HeapError::damaged(&self.path, "a row has no key"))?;
            take((key, part(&mut rest).ok_or_else(cut_off)?))?;
        }
        Ok(())
    }
}

/// The length of the name.
fn parse_head(head: &[u8]) -> Option<u16> {
    let (magic, rest) = head.split_first_chunk::<8>()?;
    let (version, rest) = rest.split_first_chunk::<4>()?;
    let (length, _) = rest.split_first_chunk::<2>()?;
    let is_known = magic == MAGIC && u32::from_le_bytes(*version) == VERSION;
    is_known.then(|| u16::from_le_bytes(*length))
}

fn parse_entry(bytes: &[u8]) -> Entry {
    let number = |at: usize| {
        let bytes = bytes[at..at + 8].try_into().expect("8 bytes are a number");
        u64::from_le_bytes(bytes)
    };
    Entry {
        group: KeyGroup(u16::from_le_bytes([bytes[0], bytes[1]])),
        offset: number(2),
        length: number(10),
        rows: number(18),
    }
}

/// The next key or value: `None` when it is cut off, an inner `None` when it is gone.
fn part<'a>(rest: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let (length, behind) = rest.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length);
    if length == GONE {
        *rest = behind;
        return Some(None);
    }
    let (part, behind) = behind.split_at_checked(length as usize)?;
    *rest = behind;
    Some(Some(part))
}

fn read_at(file: &File, path: &Path, offset: u64, length: u64) -> Result<Vec<u8>, HeapError> {
    let length = usize::try_from(length).map_err(|_| HeapError::damaged(path, "a part of it is too long"))?;
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, offset)
        .map_err(HeapError::io(path))?;
    Ok(bytes)
}
