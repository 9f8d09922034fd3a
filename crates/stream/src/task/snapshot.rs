//! A subtask's part of a checkpoint, between its barrier and whoever writes it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use everspan_checkpoint::SubtaskStats;
use everspan_state::heap::HeapSnapshots;
use everspan_state::{KeyGroupRange, LsmSnapshot, SnapshotFiles, SnapshotWriter, StateError};

use crate::failure::SuppressRestarts;

/// How a barrier travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarrierMode {
    /// It stays behind the data before it, and inputs that delivered it wait for the others. Exactly once.
    Aligned,
    /// It overtakes the data before it, which becomes part of the checkpoint. Exactly once.
    Unaligned,
    /// As aligned; if it is not everywhere by this moment of the monotonic clock, as unaligned from then on.
    AlignedUntil(u64),
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
    /// Whether the job ends with it: sources make nothing behind it unless it is given up.
    pub terminates: bool,
}

impl Barrier {
    /// Whether it overtakes data at this moment of the monotonic clock.
    pub(crate) fn overtakes(&self, now_ns: u64) -> bool {
        match self.mode {
            BarrierMode::Unaligned => true,
            BarrierMode::AlignedUntil(until_ns) => now_ns >= until_ns,
            BarrierMode::Aligned | BarrierMode::AtLeastOnce => false,
        }
    }
}

/// A barrier on its way through a chain, collecting the state of every operator.
pub struct BarrierPass {
    /// The barrier.
    pub barrier: Barrier,
    /// Whether it overtakes what is still on its way out.
    pub overtakes: bool,
    /// What the operators added.
    pub parts: Vec<OperatorState>,
}

/// The state of one operator of one subtask at a barrier.
pub struct OperatorState {
    /// Identifies the operator over restarts.
    pub uid: Arc<str>,
    /// Elements that are divided anew when the parallelism changes: source splits, files to commit.
    pub list: Vec<Vec<u8>>,
    /// State by key.
    pub keyed: Option<KeyedSnapshot>,
}

/// The tables of a keyed operator.
pub struct KeyedSnapshot {
    /// The key groups of the subtask.
    pub range: KeyGroupRange,
    /// What is in the tables.
    pub tables: TablesSnapshot,
    /// What they hold.
    pub states: Vec<StateType>,
}

/// The tables of an operator at a barrier, wherever they are; not written yet.
pub enum TablesSnapshot {
    /// In memory.
    Heap(HeapSnapshots),
    /// In a tree.
    Lsm(LsmSnapshot),
    /// There is no snapshot: the checkpoint fails, the tables are as they were.
    Refused(StateError),
}

impl TablesSnapshot {
    /// As [`SnapshotWriter::write`].
    pub(crate) fn write(self, dir: &Path) -> Result<SnapshotFiles, StateError> {
        match self {
            Self::Heap(tables) => tables.write(dir),
            Self::Lsm(tables) => tables.write(dir),
            Self::Refused(error) => Err(error),
        }
    }
}

/// What a program said of a state when it was written: compared with what it says when it is read.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StateType {
    /// The state's name.
    pub name: String,
    /// The type of its keys.
    pub key_type: String,
    /// The type of its values.
    pub type_name: String,
    /// The version of that type.
    pub version: u32,
}

impl fmt::Display for StateType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key_type,
            type_name,
            version,
            ..
        } = self;
        write!(f, "{type_name} version {version} by {key_type}")
    }
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

/// Encodes the elements of a list state.
pub(crate) fn encoded<X: BorshSerialize>(elements: &[X]) -> Vec<Vec<u8>> {
    let elements = elements.iter();
    elements
        .map(|element| borsh::to_vec(element).expect("writing to memory does not fail"))
        .collect()
}

/// Reads the elements of a list state back.
pub(crate) fn decoded<X: BorshDeserialize>(elements: &[Vec<u8>]) -> crate::failure::Result<Vec<X>> {
    let elements = elements.iter();
    elements
        .map(|element| {
            X::try_from_slice(element).map_err(|error| {
                let told = format!("the checkpoint holds another type of this operator's state: {error}");
                SuppressRestarts::new(told).into()
            })
        })
        .collect()
}
