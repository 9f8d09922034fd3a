//! Bytes of a spool file. All numbers are little-endian; checksums are CRC-32C.
//!
//! ```text
//! file    magic "EVSPSPOL" · version u32 · checksum of both u32 · entries
//! entry   body bytes u32 · spans u32 · number u64 · marks u32 · checksum of the body u32
//!         · checksum of all before and of the marks u32
//!         marks × (source u16 · upto u64)
//!         body: per scope  name bytes u32 · name · spans' bytes u32 · encoded spans
//! ```

use crate::{Batch, Mark};

/// The version this crate writes, and the only one it reads.
pub(crate) const VERSION: u32 = 1;
pub(crate) const FILE_HEADER_SIZE: usize = 16;
pub(crate) const FILE_HEADER_BYTES: u64 = FILE_HEADER_SIZE as u64;
pub(crate) const HEADER_SIZE: usize = 28;
pub(crate) const MARK_SIZE: usize = 10;
/// No entry has a longer body; a header that says so is damaged.
const BODY_BYTES_MAX: u32 = 256 << 20;

const MAGIC: &[u8; 8] = b"EVSPSPOL";

/// What is wrong with the head of a spool file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BadFile {
    /// Too short, not ours, or damaged.
    NoHeader,
    /// Written by another version.
    Version(u32),
}

/// The head of an entry, without its marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) body_bytes: u32,
    pub(crate) spans: u32,
    /// The number of the batch.
    pub(crate) number: u64,
    marks: u32,
    body_checksum: u32,
    checksum: u32,
}

pub(crate) fn file_name(first: u64) -> String {
    format!("{first:020}.spans")
}

/// The number in the name of a spool file; `None` for files that are none.
pub(crate) fn file_number(name: &str) -> Option<u64> {
    let number = name.strip_suffix(".spans")?.parse().ok()?;
    (file_name(number) == name).then_some(number)
}

pub(crate) fn file_header() -> [u8; FILE_HEADER_SIZE] {
    let mut bytes = [0; FILE_HEADER_SIZE];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    let checksum = crc32c::crc32c(&bytes[..12]);
    bytes[12..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

pub(crate) fn check_file_header(bytes: &[u8]) -> Result<(), BadFile> {
    let bytes = bytes.get(..FILE_HEADER_SIZE).ok_or(BadFile::NoHeader)?;
    if &bytes[..8] != MAGIC || u32_at(bytes, 12) != crc32c::crc32c(&bytes[..12]) {
        return Err(BadFile::NoHeader);
    }
    match u32_at(bytes, 8) {
        VERSION => Ok(()),
        other => Err(BadFile::Version(other)),
    }
}

/// Appends the entry of batch `number`; `false`, and nothing appended, when it is too large for one.
pub(crate) fn encode(number: u64, batch: &Batch, out: &mut Vec<u8>) -> bool {
    let body_bytes: usize = batch
        .scopes()
        .map(|(scope, encoded)| 8 + scope.len() + encoded.len())
        .sum();
    let (Ok(body_bytes), Ok(spans), Ok(marks)) = (
        u32::try_from(body_bytes),
        u32::try_from(batch.spans()),
        u32::try_from(batch.marks().len()),
    ) else {
        return false;
    };
    if body_bytes > BODY_BYTES_MAX {
        return false;
    }
    let start = out.len();
    out.extend_from_slice(&body_bytes.to_le_bytes());
    out.extend_from_slice(&spans.to_le_bytes());
    out.extend_from_slice(&number.to_le_bytes());
    out.extend_from_slice(&marks.to_le_bytes());
    out.extend_from_slice(&[0; 8]); // the checksums, below
    for mark in batch.marks() {
        out.extend_from_slice(&mark.source.to_le_bytes());
        out.extend_from_slice(&mark.upto.to_le_bytes());
    }
    let body = out.len();
    for (scope, encoded) in batch.scopes() {
        put_piece(scope.as_bytes(), out);
        put_piece(encoded, out);
    }
    let body_checksum = crc32c::crc32c(&out[body..]);
    out[start + 20..start + 24].copy_from_slice(&body_checksum.to_le_bytes());
    let checksum = header_checksum(&out[start..start + 24], &out[start + HEADER_SIZE..body]);
    out[start + 24..start + 28].copy_from_slice(&checksum.to_le_bytes());
    true
}

impl Header {
    /// From exactly its bytes; not yet checked, except that its lengths are possible.
    pub(crate) fn parse(bytes: &[u8; HEADER_SIZE]) -> Option<Self> {
        let header = Self {
            body_bytes: u32_at(bytes, 0),
            spans: u32_at(bytes, 4),
            number: u64_at(bytes, 8),
            marks: u32_at(bytes, 16),
            body_checksum: u32_at(bytes, 20),
            checksum: u32_at(bytes, 24),
        };
        let possible = header.body_bytes <= BODY_BYTES_MAX && header.marks <= u32::from(u16::MAX) + 1;
        possible.then_some(header)
    }

    /// How many bytes of marks follow.
    pub(crate) fn marks_bytes(&self) -> usize {
        self.marks as usize * MARK_SIZE
    }

    /// The bytes of the whole entry.
    pub(crate) fn entry_bytes(&self) -> u64 {
        HEADER_SIZE as u64 + self.marks_bytes() as u64 + u64::from(self.body_bytes)
    }

    /// The marks from their bytes, if these and the header are whole.
    pub(crate) fn marks(&self, header: &[u8; HEADER_SIZE], marks: &[u8]) -> Option<Vec<Mark>> {
        if header_checksum(&header[..24], marks) != self.checksum {
            return None;
        }
        let marks = marks.chunks_exact(MARK_SIZE).map(|bytes| Mark {
            source: u16::from_le_bytes([bytes[0], bytes[1]]),
            upto: u64_at(bytes, 2),
        });
        Some(marks.collect())
    }

    pub(crate) fn is_body_whole(&self, body: &[u8]) -> bool {
        crc32c::crc32c(body) == self.body_checksum
    }
}

/// A batch from the bytes of its whole entry; `None` when they are damaged.
pub(crate) fn decode(entry: &[u8]) -> Option<Batch> {
    let head: &[u8; HEADER_SIZE] = entry.first_chunk()?;
    let header = Header::parse(head)?;
    let rest = &entry[HEADER_SIZE..];
    let (marks, body) = rest.split_at_checked(header.marks_bytes())?;
    let marks = header.marks(head, marks)?;
    if body.len() != header.body_bytes as usize || !header.is_body_whole(body) {
        return None;
    }
    let mut batch = Batch::numbered(header.number);
    let mut left = body;
    let mut count = header.spans as usize;
    while !left.is_empty() {
        let scope = std::str::from_utf8(take_piece(&mut left)?).ok()?;
        // How many of the spans are in which scope is not kept, nor needed: the first one tells all.
        batch.push(scope, take_piece(&mut left)?, std::mem::take(&mut count));
    }
    for mark in marks {
        batch.mark(mark);
    }
    Some(batch)
}

fn header_checksum(header: &[u8], marks: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(header), marks)
}

fn put_piece(bytes: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(bytes.len()).expect("a piece is shorter than its body, which was measured");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(bytes);
}

fn take_piece<'a>(left: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = left.split_first_chunk::<4>()?;
    let (piece, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *left = rest;
    Some(piece)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests;
