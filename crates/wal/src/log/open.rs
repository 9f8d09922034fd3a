//! Opening: find the end of the log, refuse what had been synced and changed, cut what was torn.
//!
//! The rules and their reasons stand in the crate documentation.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::counters::Counters;
use crate::disk::Disk;
use crate::error::{AppendError, OpenError};
use crate::format::{self, Group, HEADER_BYTES, HeaderCheck, Kind, Place};
use crate::log::{Log, Segment, write_whole};
use crate::options::Options;

/// What opening found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// The first seq of each partition the log holds records of.
    pub first: BTreeMap<u16, u64>,
    /// The last one.
    pub last: BTreeMap<u16, u64>,
    /// Whether the very first segment is there: nothing was ever trimmed.
    pub is_whole: bool,
    /// Segment files found.
    pub segments: u64,
    /// Bytes cut from the end: written before a crash, never acknowledged.
    pub torn_bytes: u64,
}

impl<D: Disk> Log<D> {
    /// Opens the log in `disk`, an empty one if there is nothing yet. All records it holds afterwards
    /// are durable.
    pub fn open(mut disk: D, options: Options) -> Result<(Log<D>, Recovery), OpenError> {
        let mut numbers = list_segments(&disk)?;
        let floor = numbers.first().map_or(0, |first| first - 1);
        let mut file = Vec::new();
        drop_empty(&mut disk, &mut numbers, &mut file)?;
        let mut log = Log {
            disk,
            options,
            closed: BTreeMap::new(),
            active: Segment {
                number: floor,
                sealed: true,
                ..Segment::default()
            },
            last: BTreeMap::new(),
            failure: None,
            buffer: Vec::new(),
            counters: Arc::new(Counters::default()),
        };
        log.counters
            .segments
            .store(numbers.len() as u64, Ordering::Relaxed);
        let mut recovery = Recovery {
            is_whole: numbers.first() == Some(&1),
            segments: numbers.len() as u64,
            ..Recovery::default()
        };
        if let Some((last, closed)) = numbers.split_last() {
            for &number in closed {
                log.read_closed(number, &mut file, &mut recovery.first)?;
            }
            recovery.torn_bytes = log.read_last(*last, &mut file, &mut recovery.first)?;
            log.repair(&file, recovery.torn_bytes > 0)?;
        }
        recovery.last.clone_from(&log.last);
        Ok((log, recovery))
    }

    fn read_closed(
        &mut self,
        number: u64,
        file: &mut Vec<u8>,
        first: &mut BTreeMap<u16, u64>,
    ) -> Result<(), OpenError> {
        read_segment(&self.disk, number, file)?;
        let mut segment = Segment {
            number,
            offset: HEADER_BYTES,
            ..Segment::default()
        };
        while !segment.sealed {
            let Some(group) = whole_group_at(file, segment.end()) else {
                return Err(damaged(
                    segment.end(),
                    "an earlier segment must be whole up to its seal",
                ));
            };
            self.take_group(&mut segment, &group, first)?;
        }
        self.closed.insert(number, segment.last);
        Ok(())
    }

    /// Finds the end of the log; returns how many torn bytes stand behind it.
    fn read_last(
        &mut self,
        number: u64,
        file: &mut Vec<u8>,
        first: &mut BTreeMap<u16, u64>,
    ) -> Result<u64, OpenError> {
        read_segment(&self.disk, number, file)?;
        let mut segment = Segment {
            number,
            offset: HEADER_BYTES,
            ..Segment::default()
        };
        while !segment.sealed
            && let Some(group) = whole_group_at(file, segment.end())
        {
            self.take_group(&mut segment, &group, first)?;
        }
        if !segment.sealed && format::is_proven_synced(file, segment.end()) {
            return Err(damaged(
                segment.end(),
                "a later group proves that this was synced",
            ));
        }
        let used = if segment.sealed {
            0
        } else {
            format::used_length(file) as u64
        };
        let torn_bytes = used.saturating_sub(segment.offset);
        if torn_bytes == 0 {
            segment.step_before_mark();
        }
        self.active = segment;
        Ok(torn_bytes)
    }

    /// Moves past a group: notes what it holds and that its records follow the ones before.
    fn take_group(
        &mut self,
        segment: &mut Segment,
        group: &Group<'_>,
        first: &mut BTreeMap<u16, u64>,
    ) -> Result<(), OpenError> {
        for record in group.records() {
            let record = record.expect("the group was checked whole");
            let (partition, found) = (record.partition, record.seq);
            let expected = self.last.get(&partition).map_or(found, |last| last + 1);
            if found != expected {
                let name = format::segment_name(segment.number);
                return Err(OpenError::OutOfSequence {
                    name,
                    partition,
                    expected,
                    found,
                });
            }
            first.entry(partition).or_insert(found);
            self.last.insert(partition, found);
            segment.last.insert(partition, found);
        }
        segment.synced_to = segment.synced_to.max(group.header.synced_to);
        segment.sealed = group.header.kind == Kind::Seal;
        segment.ends_with_mark = group.header.kind == Kind::Mark;
        segment.offset = group.end();
        Ok(())
    }

    /// Makes the kept end of the log durable, then the cut if there is one, and tells that it is.
    fn repair(&mut self, file: &[u8], is_torn: bool) -> Result<(), OpenError> {
        let name = format::segment_name(self.active.number);
        let (proven, end) = (self.active.synced_to, self.active.offset);
        write_whole(&mut self.disk, &name, proven, &file[index(proven)..index(end)])
            .map_err(|error| io_error(&name, error))?;
        let repaired = if is_torn {
            self.seal_active()
        } else {
            self.sync_and_mark()
        };
        repaired.map_err(|error| io_error(&name, io::Error::other(error)))?;
        self.disk.sync_dir().map_err(|error| io_error(".", error))
    }

    fn sync_and_mark(&mut self) -> Result<(), AppendError> {
        self.sync_active()?;
        match self.mark() {
            // The log works without the mark too, and opening must not need space.
            Err(AppendError::Full { .. }) => Ok(()),
            Err(error) => Err(error),
            Ok(()) => Ok(self.sync_active()?),
        }
    }
}

/// Numbers of the segments in order, without a hole.
fn list_segments<D: Disk>(disk: &D) -> Result<Vec<u64>, OpenError> {
    let mut numbers = Vec::new();
    for name in disk.list().map_err(|error| io_error(".", error))? {
        match format::segment_number(&name) {
            Some(number) => numbers.push(number),
            None => return Err(OpenError::ForeignFile { name }),
        }
    }
    numbers.sort_unstable();
    let hole = numbers.windows(2).find(|pair| pair[0] + 1 != pair[1]);
    match hole {
        Some(pair) => Err(OpenError::MissingSegment { number: pair[0] + 1 }),
        None => Ok(numbers),
    }
}

/// Removes the last segment if it holds no group: its creation may have been interrupted, or the sync
/// of its name may have failed. It is created again when it is needed.
fn drop_empty<D: Disk>(disk: &mut D, numbers: &mut Vec<u64>, file: &mut Vec<u8>) -> Result<(), OpenError> {
    let Some(&last) = numbers.last() else {
        return Ok(());
    };
    let name = format::segment_name(last);
    disk.read(&name, file).map_err(|error| io_error(&name, error))?;
    let check = format::check_header(file, last);
    if check != HeaderCheck::Empty {
        return accept_header(last, check);
    }
    numbers.pop();
    disk.remove(&name).map_err(|error| io_error(&name, error))?;
    disk.sync_dir().map_err(|error| io_error(".", error))
}

fn read_segment<D: Disk>(disk: &D, number: u64, file: &mut Vec<u8>) -> Result<(), OpenError> {
    let name = format::segment_name(number);
    disk.read(&name, file).map_err(|error| io_error(&name, error))?;
    accept_header(number, format::check_header(file, number))
}

fn accept_header(number: u64, check: HeaderCheck) -> Result<(), OpenError> {
    let name = format::segment_name(number);
    match check {
        HeaderCheck::Good => Ok(()),
        HeaderCheck::Foreign => Err(OpenError::ForeignFile { name }),
        HeaderCheck::OtherVersion(version) => Err(OpenError::UnknownVersion { name, version }),
        HeaderCheck::Empty | HeaderCheck::Damaged => {
            let start = Place {
                segment: number,
                offset: 0,
            };
            Err(damaged(
                start,
                "the segment header is not the one that was written",
            ))
        }
    }
}

fn whole_group_at(file: &[u8], at: Place) -> Option<Group<'_>> {
    let group = format::group_at(file, at)?;
    group.records().all(|record| record.is_some()).then_some(group)
}

fn damaged(at: Place, reason: &'static str) -> OpenError {
    let name = format::segment_name(at.segment);
    OpenError::Damaged {
        name,
        offset: at.offset,
        reason,
    }
}

fn io_error(name: &str, error: io::Error) -> OpenError {
    OpenError::Io {
        name: name.to_owned(),
        error,
    }
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).expect("a segment fits in memory")
}
