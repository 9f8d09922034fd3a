//! A subtask's part of a checkpoint, between its barrier and whoever writes it.

use everspan_checkpoint::SubtaskStats;

/// How a barrier travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarrierMode {
    /// It stays behind the data before it; inputs that delivered it wait for the others. Exactly once.
    Aligned,
    /// As aligned, but from this moment of the monotonic clock on it overtakes. Exactly once.
    AlignedUntil(u64),
    /// It overtakes data, which becomes part of the checkpoint. Exactly once.
    Unaligned,
    /// It stays behind the data before it, and no input waits: after a restore records may come twice.
    AtLeastOnce,
}

/// What divides the records of one checkpoint from those of the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Barrier {
    /// The checkpoint.
    pub checkpoint: u64,
    /// How it travels.
    pub mode: BarrierMode,
    /// When it was triggered, on the monotonic clock of [`Now`](everspan_checkpoint::Now).
    pub triggered_ns: u64,
}

/// A barrier on its way through a chain, collecting the state of every operator.
pub struct BarrierPass {
    /// The barrier.
    pub barrier: Barrier,
    /// What the operators added.
    pub parts: Vec<OperatorState>,
}

/// The state of one operator of one subtask at a barrier.
pub struct OperatorState {
    /// Identifies the operator over restarts.
    pub uid: String,
    /// Elements that are divided anew when the parallelism changes: source splits, files to commit.
    pub list: Vec<Vec<u8>>,
}

/// A subtask's part of a checkpoint, ready to be written.
pub struct Snapshot {
    /// Which checkpoint.
    pub checkpoint: u64,
    /// The state of its operators.
    pub parts: Vec<OperatorState>,
    /// Its figures so far.
    pub stats: SubtaskStats,
}
