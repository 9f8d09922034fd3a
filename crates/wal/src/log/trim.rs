//! Removing segments that nobody needs any more.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use crate::disk::Disk;
use crate::error::TrimError;
use crate::format;
use crate::log::Log;

impl<D: Disk> Log<D> {
    /// Removes the oldest closed segments as long as every record in them has a
    /// `seq <= persisted[partition]`, and returns how many. A partition that is absent from the map
    /// pins everything of it. The segment being written is never removed.
    pub fn trim(&mut self, persisted: &BTreeMap<u16, u64>) -> Result<u64, TrimError> {
        self.check_alive().map_err(TrimError::Failed)?;
        let mut removed = 0;
        while let Some((&number, last)) = self.closed.first_key_value() {
            if !is_persisted(last, persisted) {
                break;
            }
            self.remove_segment(number)?;
            removed += 1;
        }
        Ok(removed)
    }

    /// Each removal is synced before the next, so that a crash never leaves a hole between segments.
    fn remove_segment(&mut self, number: u64) -> Result<(), TrimError> {
        let name = format::segment_name(number);
        if let Err(error) = self.disk.remove(&name) {
            return Err(TrimError::Io { name, error });
        }
        self.closed.remove(&number);
        self.counters.segments.fetch_sub(1, Ordering::Relaxed);
        self.sync_dir().map_err(TrimError::Failed)
    }
}

fn is_persisted(last: &BTreeMap<u16, u64>, persisted: &BTreeMap<u16, u64>) -> bool {
    let covers = |partition: &u16, seq: u64| persisted.get(partition).is_some_and(|&p| seq <= p);
    last.iter().all(|(partition, &seq)| covers(partition, seq))
}
