//! Bytes of a segment: see the crate documentation for the layout.

/// The format version this crate writes, and the only one it reads.
pub const FORMAT_VERSION: u32 = 1;

const HEADER_SIZE: usize = 32;
pub(crate) const GROUP_HEADER_SIZE: usize = 24;
/// The same as offsets in a segment.
pub(crate) const HEADER_BYTES: u64 = HEADER_SIZE as u64;
pub(crate) const GROUP_HEADER_BYTES: u64 = GROUP_HEADER_SIZE as u64;
pub(crate) const RECORD_HEADER_SIZE: usize = 24;
const MAGIC: &[u8; 8] = b"EVSPWAL\0";
const GROUP_MAGIC: &[u8; 4] = b"EVSG";

/// One record as read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// The partition that owns the record.
    pub partition: u16,
    /// Its number within the partition, from 1.
    pub seq: u64,
    /// What was appended.
    pub payload: &'a [u8],
}

/// Where something stands: part of every checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) segment: u64,
    pub(crate) offset: u64,
}

impl Place {
    /// Extends the checksum of some bytes by the place they stand at.
    pub(crate) fn seal(self, crc: u32) -> u32 {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.segment.to_le_bytes());
        bytes[8..].copy_from_slice(&self.offset.to_le_bytes());
        crc32c::crc32c_append(crc, &bytes)
    }

    fn plus(self, bytes: usize) -> Place {
        let offset = self.offset + bytes as u64;
        Place { offset, ..self }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Records = 0,
    Mark = 1,
    Seal = 2,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GroupHeader {
    pub(crate) kind: Kind,
    pub(crate) length: u32,
    pub(crate) synced_to: u64,
}

/// A group whose header is valid and whose body lies within the segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group<'a> {
    pub(crate) header: GroupHeader,
    body: &'a [u8],
    body_at: Place,
}

pub(crate) fn segment_name(number: u64) -> String {
    format!("{number:020}.wal")
}

pub(crate) fn segment_number(name: &str) -> Option<u64> {
    let number = name.strip_suffix(".wal")?.parse().ok()?;
    (number > 0 && segment_name(number) == name).then_some(number)
}

pub(crate) fn encode_header(number: u64, version: u32) -> [u8; HEADER_SIZE] {
    let mut bytes = [0; HEADER_SIZE];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..12].copy_from_slice(&version.to_le_bytes());
    bytes[12..20].copy_from_slice(&number.to_le_bytes());
    let crc = crc32c::crc32c(&bytes[..28]);
    bytes[28..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// What the start of a file says about it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HeaderCheck {
    Good,
    /// Only the right header or pieces of it, nothing behind: no group was ever kept here.
    Empty,
    Foreign,
    OtherVersion(u32),
    Damaged,
}

pub(crate) fn check_header(file: &[u8], number: u64) -> HeaderCheck {
    let expected = encode_header(number, FORMAT_VERSION);
    let header = &file[..file.len().min(expected.len())];
    let is_piece = header.iter().zip(&expected).all(|(a, b)| *a == 0 || a == b);
    if is_piece && used_length(&file[header.len()..]) == 0 {
        return HeaderCheck::Empty;
    }
    if header == expected {
        return HeaderCheck::Good;
    }
    if !header.starts_with(MAGIC) {
        return HeaderCheck::Foreign;
    }
    match header.len() == expected.len() && crc32c::crc32c(&header[..28]) == u32_at(header, 28) {
        true if u32_at(header, 8) != FORMAT_VERSION => HeaderCheck::OtherVersion(u32_at(header, 8)),
        _ => HeaderCheck::Damaged,
    }
}

pub(crate) fn encode_group_header(header: GroupHeader, at: Place) -> [u8; GROUP_HEADER_SIZE] {
    let mut bytes = [0; GROUP_HEADER_SIZE];
    bytes[..4].copy_from_slice(GROUP_MAGIC);
    bytes[8..12].copy_from_slice(&header.length.to_le_bytes());
    bytes[12..16].copy_from_slice(&(header.kind as u32).to_le_bytes());
    bytes[16..].copy_from_slice(&header.synced_to.to_le_bytes());
    let crc = at.seal(crc32c::crc32c(&bytes[8..]));
    bytes[4..8].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// The group header at a place of a segment, if a valid one is there.
pub(crate) fn group_header_at(file: &[u8], at: Place) -> Option<GroupHeader> {
    let start = usize::try_from(at.offset).ok()?;
    let bytes = file.get(start..)?.get(..GROUP_HEADER_SIZE)?;
    if !bytes.starts_with(GROUP_MAGIC) || at.seal(crc32c::crc32c(&bytes[8..])) != u32_at(bytes, 4) {
        return None;
    }
    let kind = match u32_at(bytes, 12) {
        0 => Kind::Records,
        1 => Kind::Mark,
        2 => Kind::Seal,
        _ => return None,
    };
    let (length, synced_to) = (u32_at(bytes, 8), u64_at(bytes, 16));
    (synced_to <= at.offset).then_some(GroupHeader {
        kind,
        length,
        synced_to,
    })
}

/// The group at a place of a segment; `None` if it is not whole. Its records are still unchecked.
pub(crate) fn group_at(file: &[u8], at: Place) -> Option<Group<'_>> {
    let header = group_header_at(file, at)?;
    let body_at = at.plus(GROUP_HEADER_SIZE);
    let start = usize::try_from(body_at.offset).ok()?;
    let body = file.get(start..)?.get(..header.length as usize)?;
    Some(Group {
        header,
        body,
        body_at,
    })
}

/// Whether any group behind `damaged` was written when `damaged` had already been synced.
pub(crate) fn is_proven_synced(file: &[u8], damaged: Place) -> bool {
    let used = used_length(file);
    let mut offset = damaged.offset + 1;
    while let Some(found) = find_group_magic(&file[..used], offset) {
        let at = Place {
            offset: found,
            ..damaged
        };
        if group_header_at(file, at).is_some_and(|group| group.synced_to > damaged.offset) {
            return true;
        }
        offset = found + 1;
    }
    false
}

fn find_group_magic(file: &[u8], from: u64) -> Option<u64> {
    let start = usize::try_from(from).ok()?;
    let found = file
        .get(start..)?
        .windows(4)
        .position(|window| window == GROUP_MAGIC)?;
    Some(from + found as u64)
}

/// Length of a file without the zeros at its end.
pub(crate) fn used_length(file: &[u8]) -> usize {
    const CHUNK: usize = 4096;
    let mut end = file.len();
    while end >= CHUNK && file[end - CHUNK..end] == [0; CHUNK] {
        end -= CHUNK;
    }
    file[..end]
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1)
}

impl<'a> Group<'a> {
    /// Offset of the first byte behind the group.
    pub(crate) fn end(&self) -> u64 {
        self.body_at.offset + u64::from(self.header.length)
    }

    /// Its records in order; one `None` ends the sequence where a record is damaged.
    pub(crate) fn records(&self) -> impl Iterator<Item = Option<Record<'a>>> + use<'a> {
        let (mut rest, mut at, mut broken) = (self.body, self.body_at, false);
        std::iter::from_fn(move || {
            if rest.is_empty() || broken {
                return None;
            }
            let record = record_at(rest, at);
            broken = record.is_none();
            if let Some(record) = record {
                let size = RECORD_HEADER_SIZE + record.payload.len();
                (rest, at) = (&rest[size..], at.plus(size));
            }
            Some(record)
        })
    }
}

/// Appends a record to `buffer` with the checksum of its bytes, not yet of its place.
pub(crate) fn encode_record(buffer: &mut Vec<u8>, record: Record<'_>) {
    let start = buffer.len();
    let length = u32::try_from(record.payload.len()).expect("a batch stays under its limit");
    buffer.extend_from_slice(&[0; 4]);
    buffer.extend_from_slice(&length.to_le_bytes());
    buffer.extend_from_slice(&0_u32.to_le_bytes());
    buffer.extend_from_slice(&record.partition.to_le_bytes());
    buffer.extend_from_slice(&[0; 2]);
    buffer.extend_from_slice(&record.seq.to_le_bytes());
    buffer.extend_from_slice(record.payload);
    let crc = crc32c::crc32c(&buffer[start + 4..]);
    buffer[start..start + 4].copy_from_slice(&crc.to_le_bytes());
}

/// Extends the checksums of encoded records by their places, the first being at `at`.
pub(crate) fn place_records(records: &mut [u8], at: Place) {
    let (mut rest, mut at) = (records, at);
    while !rest.is_empty() {
        let crc = at.seal(u32_at(rest, 0));
        rest[..4].copy_from_slice(&crc.to_le_bytes());
        let size = RECORD_HEADER_SIZE + u32_at(rest, 4) as usize;
        (rest, at) = (&mut rest[size..], at.plus(size));
    }
}

fn record_at(bytes: &[u8], at: Place) -> Option<Record<'_>> {
    let header = bytes.get(..RECORD_HEADER_SIZE)?;
    let size = RECORD_HEADER_SIZE.checked_add(u32_at(header, 4) as usize)?;
    let record = bytes.get(..size)?;
    if at.seal(crc32c::crc32c(&record[4..])) != u32_at(header, 0) {
        return None;
    }
    Some(Record {
        partition: u16::from_le_bytes([header[12], header[13]]),
        seq: u64_at(header, 16),
        payload: &record[RECORD_HEADER_SIZE..],
    })
}

fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    let field = bytes[offset..offset + 4].try_into();
    u32::from_le_bytes(field.expect("four bytes were taken"))
}

fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    let field = bytes[offset..offset + 8].try_into();
    u64::from_le_bytes(field.expect("eight bytes were taken"))
}

#[cfg(test)]
mod tests;
