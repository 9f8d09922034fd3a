//! Which records of the log nobody needs any more.

use std::collections::BTreeMap;
use std::sync::Mutex;

/// Records that are in the states on disk, and in the checkpoints that are kept: below both the log can go.
#[derive(Debug, Default)]
pub struct Persisted(Mutex<Positions>);

#[derive(Debug, Default)]
struct Positions {
    states: BTreeMap<u16, u64>,
    /// Of the oldest checkpoint that is kept; `None`: no checkpoint needs the log.
    oldest: Option<BTreeMap<u16, u64>>,
}

impl Persisted {
    /// As long as nothing is known of the checkpoints, they need the whole log.
    pub(super) fn with_checkpoints() -> Self {
        let none_known = Positions {
            oldest: Some(BTreeMap::new()),
            ..Positions::default()
        };
        Self(Mutex::new(none_known))
    }

    /// A partition's state on disk has everything up to `seq`; returns up to where the log can go. On a full disk the
    /// states alone count: the log behind older checkpoints is then given up.
    pub(super) fn note(&self, partition: u16, seq: u64, disk_full: bool) -> BTreeMap<u16, u64> {
        let mut positions = self.0.lock().expect("no holder of this lock panics");
        positions.states.insert(partition, seq);
        positions.trimmable(disk_full)
    }

    /// The oldest checkpoint that is kept has every partition up to these records.
    pub fn keep_behind(&self, oldest: BTreeMap<u16, u64>) {
        let mut positions = self.0.lock().expect("no holder of this lock panics");
        positions.oldest = Some(oldest);
    }
}

impl Positions {
    fn trimmable(&self, disk_full: bool) -> BTreeMap<u16, u64> {
        match &self.oldest {
            Some(oldest) if !disk_full => {
                let lower = |(&partition, &seq): (&u16, &u64)| {
                    let kept = oldest.get(&partition).copied().unwrap_or(0);
                    (partition, seq.min(kept))
                };
                self.states.iter().map(lower).collect()
            }
            _ => self.states.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_goes_up_to_where_states_and_checkpoints_have_it() {
        let at = |seq| BTreeMap::from([(0, seq)]);
        let without = Persisted::default();
        assert_eq!(without.note(0, 7, false), at(7));
        let with = Persisted::with_checkpoints();
        assert_eq!(with.note(0, 7, false), at(0), "no checkpoint is known yet");
        with.keep_behind(at(5));
        assert_eq!(with.note(0, 8, false), at(5));
        assert_eq!(with.note(0, 9, true), at(9), "the disk is full");
        with.keep_behind(at(20));
        assert_eq!(with.note(0, 10, false), at(10));
    }
}
