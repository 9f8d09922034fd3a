//! Reading records back in log order.

use crate::disk::Disk;
use crate::error::ReplayError;
use crate::format::{self, HEADER_BYTES, Place, Record};
use crate::log::Log;

impl<D: Disk> Log<D> {
    /// Visits every record with `seq > after(partition)` in log order; stops at the visitor's error.
    ///
    /// Segments without such a record are not read. Checksums are checked again.
    pub fn replay<E>(
        &self,
        after: impl Fn(u16) -> u64,
        mut visit: impl FnMut(Record<'_>) -> Result<(), E>,
    ) -> Result<(), ReplayError<E>> {
        let mut file = Vec::new();
        let active = (&self.active.number, &self.active.last);
        for (&number, last) in self.closed.iter().chain([active]) {
            if last.iter().all(|(&partition, &seq)| seq <= after(partition)) {
                continue;
            }
            let name = format::segment_name(number);
            if let Err(error) = self.disk.read(&name, &mut file) {
                return Err(ReplayError::Io { name, error });
            }
            let end = (number == self.active.number).then_some(self.active.offset);
            visit_segment(&file, number, end, &mut |record| {
                if record.seq <= after(record.partition) {
                    return Ok(());
                }
                visit(record)
            })?;
        }
        Ok(())
    }
}

/// Visits the records of a segment up to offset `end`, or up to its seal.
fn visit_segment<E>(
    file: &[u8],
    number: u64,
    end: Option<u64>,
    visit: &mut impl FnMut(Record<'_>) -> Result<(), E>,
) -> Result<(), ReplayError<E>> {
    let mut at = Place {
        segment: number,
        offset: HEADER_BYTES,
    };
    let damaged = |at: Place| ReplayError::Damaged {
        name: format::segment_name(at.segment),
        offset: at.offset,
    };
    while end.is_none_or(|end| at.offset < end) {
        let group = format::group_at(file, at).ok_or_else(|| damaged(at))?;
        for record in group.records() {
            visit(record.ok_or_else(|| damaged(at))?).map_err(ReplayError::Visit)?;
        }
        if group.header.kind == format::Kind::Seal {
            break;
        }
        at.offset = group.end();
    }
    Ok(())
}
