//! What is measured: keyed state of one owner, whatever backend holds it.

use std::path::Path;
use std::time::Duration;

use everspan_state::{FetchedPart, KeyGroup, KeyGroupRange, SnapshotWriter};

use crate::Result;

const GROUPS: u16 = 128;
pub(crate) const VALUE_BYTES: usize = 200;
pub(crate) type Value = [u8; VALUE_BYTES];

pub(crate) trait Keyed: Sized {
    type Snapshot: SnapshotWriter;

    /// An empty state in `dir`, which does not exist.
    fn create(dir: &Path) -> Result<Self>;

    /// A state in `dir`, which does not exist, from the files of a checkpoint; and how long that took.
    fn restore(part: FetchedPart, dir: &Path) -> Result<(Self, Duration)>;

    /// Reads the value of `key` and writes it anew.
    fn update(&mut self, key: u64, value: &Value) -> Result<()>;

    /// What an owner does once in a while.
    fn maintain(&mut self) -> Result<()>;

    /// Waits until nothing goes on beside the owner.
    fn rest(&self);

    fn snapshot(&mut self) -> Result<Self::Snapshot>;
}

/// One owner has all key groups.
pub(crate) fn all() -> KeyGroupRange {
    KeyGroupRange::of_owner(0, 1, GROUPS)
}

pub(crate) fn group_of(key: u64) -> KeyGroup {
    KeyGroup::of_hash(key, GROUPS)
}

/// splitmix64's output function.
pub(crate) fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Bytes that do not compress, a function of the number.
pub(crate) fn value(number: u64) -> Value {
    let mut value = [0; VALUE_BYTES];
    for (at, word) in (0u64..).zip(value.chunks_exact_mut(8)) {
        word.copy_from_slice(&mix(number.wrapping_mul(31).wrapping_add(at)).to_le_bytes());
    }
    value
}
