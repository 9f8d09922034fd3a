//! The log itself: write groups, sync, roll segments.
//!
//! ```text
//!              does not fit                    created, header and name synced
//!   writing ────────────────► sealed, synced ─────────────────────────────────► writing
//!      │                            │                                   (next segment)
//!      └──────── any failed sync ───┴──► failed: nothing is ever written again
//! ```

mod open;
mod replay;
mod trim;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use crate::batch::Batch;
use crate::counters::{self, Counters};
use crate::disk::{self, Disk};
use crate::error::{AppendError, Failure, SyncError};
use crate::format::{self, GROUP_HEADER_BYTES, GROUP_HEADER_SIZE, GroupHeader, HEADER_BYTES, Kind, Place};
use crate::options::Options;

pub use open::Recovery;

/// Batches written together stay under this, unless the first alone is larger.
const GROUP_BYTES_MAX: u64 = 8 << 20;
/// A write buffer larger than this is given back after use.
const BUFFER_KEPT_BYTES: usize = 16 << 20;

/// A log over a disk. Deterministic: same calls, same disk answers, same bytes.
#[derive(Debug)]
pub struct Log<D> {
    disk: D,
    options: Options,
    /// Closed segments by number, with the last seq each holds per partition.
    closed: BTreeMap<u64, BTreeMap<u16, u64>>,
    active: Segment,
    last: BTreeMap<u16, u64>,
    failure: Option<Failure>,
    buffer: Vec<u8>,
    counters: Arc<Counters>,
}

/// The segment at the end of the log.
#[derive(Debug, Default)]
struct Segment {
    /// The number before the first one while the log has no segment at all.
    number: u64,
    /// Where the next group goes; 0 while there is no such file.
    offset: u64,
    /// Everything below is known to be synced.
    synced_to: u64,
    sealed: bool,
    ends_with_mark: bool,
    last: BTreeMap<u16, u64>,
}

/// What the front of a list of batches becomes: one group in the write buffer.
struct Framed {
    batches: usize,
    records: u64,
    non_empty: u64,
    last: BTreeMap<u16, u64>,
}

impl<D: Disk> Log<D> {
    /// Writes a batch, whole or not at all. It is durable after the next [`Log::sync`].
    pub fn append(&mut self, batch: &Batch) -> Result<(), AppendError> {
        self.append_some(std::slice::from_ref(batch)).map(|_| ())
    }

    /// Writes as many of the first batches as fit one group, at least one, and returns how many.
    /// On an error none of them counts as written.
    pub fn append_some(&mut self, batches: &[Batch]) -> Result<usize, AppendError> {
        self.check_alive()?;
        let Some(first) = batches.iter().find(|batch| !batch.is_empty()) else {
            return Ok(batches.len());
        };
        if !self.active.has_room(first.bytes(), self.options.segment_bytes) {
            self.roll(first.bytes())?;
        }
        let framed = self.frame(batches)?;
        self.write_group()?;
        self.active.ends_with_mark = false;
        self.active.last.extend(&framed.last);
        self.last.extend(framed.last);
        counters::add(&self.counters.records, framed.records);
        counters::add(&self.counters.batches, framed.non_empty);
        Ok(framed.batches)
    }

    /// Makes everything written durable. After an error nothing is ever written again.
    pub fn sync(&mut self) -> Result<(), SyncError> {
        self.check_alive().map_err(SyncError)?;
        if self.active.synced_to < self.active.offset {
            self.sync_active().map_err(SyncError)?;
        }
        Ok(())
    }

    /// Writes a mark that proves what was synced, if something has been synced since the last proof and
    /// there is room. It needs no sync of its own. See the crate documentation.
    pub fn mark(&mut self) -> Result<(), AppendError> {
        self.check_alive()?;
        if self.active.owes_mark() && self.active.fits(0, self.options.segment_bytes) {
            self.frame_empty(Kind::Mark);
            self.write_group()?;
            self.active.ends_with_mark = true;
        }
        Ok(())
    }

    /// The last seq appended to a partition, as far as this log knows.
    pub fn last(&self, partition: u16) -> Option<u64> {
        self.last.get(&partition).copied()
    }

    /// What this log has done; keeps counting while the log lives in another thread.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    fn check_alive(&self) -> Result<(), Failure> {
        self.failure.clone().map_or(Ok(()), Err)
    }

    /// Puts one group of the first batches into the write buffer.
    fn frame(&mut self, batches: &[Batch]) -> Result<Framed, AppendError> {
        let mut framed = Framed {
            batches: 0,
            records: 0,
            non_empty: 0,
            last: BTreeMap::new(),
        };
        self.buffer.clear();
        self.buffer.resize(GROUP_HEADER_SIZE, 0);
        for batch in batches {
            if framed.records > 0 && !self.takes_another(batch) {
                break;
            }
            match self.check_sequence(batch, &framed.last) {
                Err(error) if framed.records == 0 => return Err(error),
                Err(_) => break,
                Ok(()) => {}
            }
            self.buffer.extend_from_slice(batch.framed());
            framed
                .last
                .extend(batch.runs().iter().map(|run| (run.partition, run.last)));
            framed.records += batch.records();
            framed.non_empty += u64::from(!batch.is_empty());
            framed.batches += 1;
        }
        self.seal_frame(Kind::Records);
        Ok(framed)
    }

    fn takes_another(&self, batch: &Batch) -> bool {
        let body = self.buffer.len() as u64 - GROUP_HEADER_BYTES + batch.bytes();
        body <= GROUP_BYTES_MAX && self.active.fits(body, self.options.segment_bytes)
    }

    fn check_sequence(&self, batch: &Batch, framed: &BTreeMap<u16, u64>) -> Result<(), AppendError> {
        for run in batch.runs() {
            let last = framed
                .get(&run.partition)
                .or_else(|| self.last.get(&run.partition));
            let expected = last.map_or(run.first, |last| last + 1);
            if run.first != expected {
                let (partition, found) = (run.partition, run.first);
                return Err(AppendError::OutOfSequence {
                    partition,
                    expected,
                    found,
                });
            }
        }
        Ok(())
    }

    fn frame_empty(&mut self, kind: Kind) {
        self.buffer.clear();
        self.buffer.resize(GROUP_HEADER_SIZE, 0);
        self.seal_frame(kind);
    }

    /// Completes the buffered group for the place where it will stand.
    fn seal_frame(&mut self, kind: Kind) {
        let at = self.active.end();
        let body_at = Place {
            offset: at.offset + GROUP_HEADER_BYTES,
            ..at
        };
        let (header, body) = self.buffer.split_at_mut(GROUP_HEADER_SIZE);
        format::place_records(body, body_at);
        let length = u32::try_from(body.len()).expect("groups stay under 4 GiB");
        let synced_to = self.active.synced_to;
        header.copy_from_slice(&format::encode_group_header(
            GroupHeader {
                kind,
                length,
                synced_to,
            },
            at,
        ));
    }

    /// Writes the buffered group behind the last one.
    fn write_group(&mut self) -> Result<(), AppendError> {
        let name = format::segment_name(self.active.number);
        let bytes = std::mem::take(&mut self.buffer);
        let written = self.write(&name, self.active.offset, &bytes);
        if written.is_ok() {
            self.active.offset += bytes.len() as u64;
        }
        if bytes.capacity() <= BUFFER_KEPT_BYTES {
            self.buffer = bytes;
        }
        written
    }

    fn write(&mut self, name: &str, offset: u64, bytes: &[u8]) -> Result<(), AppendError> {
        match write_whole(&mut self.disk, name, offset, bytes) {
            Ok(()) => {
                counters::add(&self.counters.bytes, bytes.len() as u64);
                Ok(())
            }
            Err(error) => Err(self.full_or_failed("write", name, bytes.len() as u64, &error)),
        }
    }

    /// Closes the active segment and opens the next one with room for `body` bytes of records.
    fn roll(&mut self, body: u64) -> Result<(), AppendError> {
        if !self.active.sealed {
            self.seal_active()?;
        }
        let number = self.active.number + 1;
        let name = format::segment_name(number);
        let bytes = self.options.segment_bytes.max(HEADER_BYTES + taken(body));
        if let Err(error) = self.disk.create(&name, bytes) {
            return Err(self.full_or_failed("create", &name, bytes, &error));
        }
        self.write(&name, 0, &format::encode_header(number, format::FORMAT_VERSION))?;
        self.sync_file(&name)?;
        self.sync_dir()?;
        let next = Segment {
            number,
            offset: HEADER_BYTES,
            synced_to: HEADER_BYTES,
            ..Segment::default()
        };
        let closed = std::mem::replace(&mut self.active, next);
        if closed.offset > 0 {
            self.closed.insert(closed.number, closed.last);
        }
        counters::add(&self.counters.segments, 1);
        Ok(())
    }

    fn seal_active(&mut self) -> Result<(), AppendError> {
        self.frame_empty(Kind::Seal);
        self.write_group()?;
        // From here on the seal stands in the file: a second one must never follow it.
        self.active.sealed = true;
        let name = format::segment_name(self.active.number);
        if let Err(error) = self.disk.truncate(&name, self.active.offset) {
            return Err(self.fail("truncate", &name, &error).into());
        }
        Ok(self.sync_active()?)
    }

    fn sync_active(&mut self) -> Result<(), Failure> {
        self.sync_file(&format::segment_name(self.active.number))?;
        self.active.synced_to = self.active.offset;
        Ok(())
    }

    fn sync_file(&mut self, name: &str) -> Result<(), Failure> {
        counters::add(&self.counters.syncs, 1);
        let synced = self.disk.sync(name);
        synced.map_err(|error| self.fail("sync", name, &error))
    }

    fn sync_dir(&mut self) -> Result<(), Failure> {
        let synced = self.disk.sync_dir();
        synced.map_err(|error| self.fail("sync", ".", &error))
    }

    fn full_or_failed(
        &mut self,
        call: &'static str,
        name: &str,
        needed_bytes: u64,
        error: &io::Error,
    ) -> AppendError {
        if disk::is_full(error) {
            let name = name.to_owned();
            return AppendError::Full { name, needed_bytes };
        }
        self.fail(call, name, error).into()
    }

    /// Remembers the first failure: from now on every call returns it.
    fn fail(&mut self, call: &'static str, name: &str, error: &io::Error) -> Failure {
        let failure = Failure {
            call,
            name: name.to_owned(),
            kind: error.kind(),
            message: error.to_string(),
        };
        self.failure.get_or_insert(failure).clone()
    }
}

impl Segment {
    fn end(&self) -> Place {
        Place {
            segment: self.number,
            offset: self.offset,
        }
    }

    /// Whether a group with `body` bytes of records fits, with a seal behind it.
    fn fits(&self, body: u64, segment_bytes: u64) -> bool {
        !self.sealed && self.offset + taken(body) <= segment_bytes
    }

    /// Like `fits`, but a segment without any group takes one of any size.
    fn has_room(&self, body: u64, segment_bytes: u64) -> bool {
        self.fits(body, segment_bytes) || (!self.sealed && self.offset == HEADER_BYTES)
    }

    /// Forgets a mark at the end. It may not be durable, so nothing may stand behind it; writing it again
    /// gives the same bytes. All before it is proven, so this needs no space.
    fn step_before_mark(&mut self) {
        if std::mem::take(&mut self.ends_with_mark) {
            self.offset -= GROUP_HEADER_BYTES;
        }
    }

    /// Whether the last group is synced and nothing behind it tells so.
    fn owes_mark(&self) -> bool {
        let is_synced = self.synced_to == self.offset;
        is_synced && self.offset > HEADER_BYTES && !self.ends_with_mark
    }
}

/// Bytes a group with `body` bytes of records takes, with the seal that must fit behind it.
fn taken(body: u64) -> u64 {
    GROUP_HEADER_BYTES + body + GROUP_HEADER_BYTES
}

/// Writes all bytes however few the disk takes at once.
fn write_whole<D: Disk>(disk: &mut D, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        match disk.write_at(name, offset + done as u64, &bytes[done..]) {
            Ok(0) => return Err(io::ErrorKind::StorageFull.into()),
            Ok(taken) => done += taken,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
