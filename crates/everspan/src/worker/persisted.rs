//! Which records of the log nobody needs any more.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::checkpoints::TrimNote;

/// Records that are in the states on disk, and in the checkpoints that are kept: below both the log can go, once that
/// is noted.
#[derive(Debug)]
pub struct Persisted(Mutex<Positions>);

#[derive(Debug)]
struct Positions {
    states: BTreeMap<u16, u64>,
    /// Of the oldest checkpoint that is kept; `None`: no checkpoint needs the log.
    oldest: Option<BTreeMap<u16, u64>>,
    /// `None`: there has never been a checkpoint, which could be taken where records are missing.
    note: Option<TrimNote>,
}

impl Persisted {
    /// With `checkpoints` the log stays for those that are kept: all of it, as long as nothing is known of them.
    pub(super) fn new(checkpoints: bool, note: Option<TrimNote>) -> Self {
        Self(Mutex::new(Positions {
            states: BTreeMap::new(),
            oldest: checkpoints.then(BTreeMap::new),
            note,
        }))
    }

    /// A partition's state on disk has everything up to `seq`; returns up to where the log can go. On a full disk the
    /// states alone count: the log behind older checkpoints is then given up.
    pub(super) fn note(&self, partition: u16, seq: u64, disk_full: bool) -> BTreeMap<u16, u64> {
        let mut positions = self.0.lock().expect("no holder of this lock panics");
        positions.states.insert(partition, seq);
        let wanted = match &positions.oldest {
            Some(oldest) if !disk_full => lower(&positions.states, oldest),
            _ => positions.states.clone(),
        };
        positions.noted(wanted)
    }

    /// The oldest checkpoint that is kept has every partition up to these records.
    pub fn keep_behind(&self, oldest: BTreeMap<u16, u64>) {
        let mut positions = self.0.lock().expect("no holder of this lock panics");
        // Here, so that no worker has to wait for it later.
        let oldest = positions.noted(oldest);
        positions.oldest = Some(oldest);
    }
}

impl Positions {
    /// What may go, now that it is noted.
    fn noted(&mut self, wanted: BTreeMap<u16, u64>) -> BTreeMap<u16, u64> {
        let Some(note) = &mut self.note else {
            return wanted;
        };
        let Err(error) = note.raise(&wanted) else {
            return wanted;
        };
        tracing::warn!(%error, "the log is kept: up to where it is trimmed cannot be noted");
        let upto = |(&partition, &seq): (&u16, &u64)| (partition, seq.min(note.upto(partition)));
        wanted.iter().map(upto).collect()
    }
}

/// The lower of both; 0 where `bounds` has nothing.
fn lower(states: &BTreeMap<u16, u64>, bounds: &BTreeMap<u16, u64>) -> BTreeMap<u16, u64> {
    let bound = |partition: &u16| bounds.get(partition).copied().unwrap_or(0);
    let lower = |(partition, &seq): (&u16, &u64)| (*partition, seq.min(bound(partition)));
    states.iter().map(lower).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_goes_up_to_where_states_and_checkpoints_have_it() {
        let at = |seq| BTreeMap::from([(0, seq)]);
        let without = Persisted::new(false, None);
        assert_eq!(without.note(0, 7, false), at(7));
        let dir = tempfile::tempdir().unwrap();
        let read = || TrimNote::read(dir.path()).unwrap();
        let with = Persisted::new(true, Some(read()));
        assert_eq!(with.note(0, 7, false), at(0), "no checkpoint is known yet");
        with.keep_behind(at(5));
        assert_eq!((with.note(0, 8, false), read().upto(0)), (at(5), 5));
        assert_eq!(
            (with.note(0, 9, true), read().upto(0)),
            (at(9), 9),
            "the disk is full"
        );
        with.keep_behind(at(20));
        assert_eq!(with.note(0, 10, false), at(10));
    }

    #[test]
    fn what_cannot_be_noted_is_kept() {
        let at = |seq| BTreeMap::from([(0, seq)]);
        let dir = tempfile::tempdir().unwrap();
        for checkpoints in [true, false] {
            let persisted = Persisted::new(checkpoints, Some(TrimNote::read(dir.path()).unwrap()));
            std::fs::create_dir_all(dir.path()).unwrap();
            persisted.keep_behind(at(5));
            assert_eq!(persisted.note(0, 8, false), at(5));
            std::fs::remove_dir_all(dir.path()).unwrap();
            persisted.keep_behind(at(7));
            assert_eq!(persisted.note(0, 8, false), at(5));
            assert_eq!(persisted.note(0, 8, true), at(5));
        }
    }
}
