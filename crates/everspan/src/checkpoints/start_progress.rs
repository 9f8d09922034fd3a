//! How far a start is: for the log, the admin port and `/metrics`.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use everspan_state::Progress;

/// What a start does at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// It opens the log and the states.
    #[default]
    Opening,
    /// It brings a partition back.
    Restoring {
        /// Which one.
        partition: u16,
        /// From which checkpoint.
        checkpoint: u64,
    },
    /// It applies what the states do not have of the log.
    Replaying {
        /// So many records so far.
        records: u64,
    },
}

impl Phase {
    /// Its name, for the admin API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Restoring { .. } => "restoring",
            Self::Replaying { .. } => "replaying",
        }
    }
}

/// Is told of a start, for whoever looks.
#[derive(Debug)]
pub struct StartProgress(Mutex<Known>);

#[derive(Debug)]
struct Known {
    phase: Phase,
    partitions_left: u16,
    /// Of the partitions that are restored.
    restored_bytes: u64,
    under_way: Option<Arc<Progress>>,
}

/// A picture of a start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartView {
    /// What it does.
    pub phase: Phase,
    /// Partitions that are not open yet.
    pub partitions_left: u16,
    /// Bytes brought back from checkpoints.
    pub restored_bytes: u64,
    /// Bytes asked for so far: those of the partitions that are restored, or just being so.
    pub wanted_bytes: u64,
}

impl StartProgress {
    /// Of a server with so many partitions.
    pub fn of(partitions: u16) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Known {
            phase: Phase::Opening,
            partitions_left: partitions,
            restored_bytes: 0,
            under_way: None,
        })))
    }

    /// A partition is brought back; who does it counts here.
    pub(super) fn restores(&self, partition: u16, checkpoint: u64) -> Arc<Progress> {
        let mut known = self.known();
        let progress = Arc::new(Progress::default());
        known.phase = Phase::Restoring {
            partition,
            checkpoint,
        };
        known.under_way = Some(Arc::clone(&progress));
        progress
    }

    /// It is here, or cannot be had from that checkpoint: then nothing of it counts.
    pub(super) fn restored(&self, is_here: bool) {
        let mut known = self.known();
        known.phase = Phase::Opening;
        let progress = known.under_way.take().filter(|_| is_here);
        known.restored_bytes += progress.map_or(0, |progress| progress.done_bytes());
    }

    /// A partition's state is open.
    pub(super) fn opened(&self) {
        let mut known = self.known();
        known.partitions_left = known.partitions_left.saturating_sub(1);
    }

    /// So many records of the log were applied.
    pub(crate) fn replayed(&self, records: u64) {
        self.known().phase = Phase::Replaying { records };
    }

    /// How things are.
    pub fn view(&self) -> StartView {
        let known = self.known();
        let bytes = |of: fn(&Progress) -> u64| known.under_way.as_deref().map_or(0, of);
        StartView {
            phase: known.phase,
            partitions_left: known.partitions_left,
            restored_bytes: known.restored_bytes + bytes(Progress::done_bytes),
            wanted_bytes: known.restored_bytes + bytes(Progress::wanted_bytes),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for StartView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.phase {
            Phase::Opening => write!(f, "{} partitions are to be opened", self.partitions_left),
            Phase::Restoring {
                partition,
                checkpoint,
            } => write!(
                f,
                "partition {partition} is restored from checkpoint {checkpoint}, {} of {} bytes, {} partitions to go",
                self.restored_bytes, self.wanted_bytes, self.partitions_left
            ),
            Phase::Replaying { records } => write!(f, "{records} records of the log are applied"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_start_does_is_told_and_bytes_of_a_checkpoint_in_vain_do_not_count() {
        let start = StartProgress::of(2);
        assert_eq!(start.view().to_string(), "2 partitions are to be opened");
        let progress = start.restores(1, 7);
        progress.want(100);
        progress.finish(30);
        let view = start.view();
        assert_eq!((view.restored_bytes, view.wanted_bytes), (30, 100));
        assert_eq!(
            view.to_string(),
            "partition 1 is restored from checkpoint 7, 30 of 100 bytes, 2 partitions to go"
        );
        start.restored(false);
        let progress = start.restores(1, 6);
        progress.want(80);
        progress.finish(80);
        start.restored(true);
        start.opened();
        let view = start.view();
        assert_eq!((view.restored_bytes, view.wanted_bytes), (80, 80));
        assert_eq!((view.phase, view.partitions_left), (Phase::Opening, 1));
        start.replayed(5);
        assert_eq!(start.view().to_string(), "5 records of the log are applied");
    }
}
