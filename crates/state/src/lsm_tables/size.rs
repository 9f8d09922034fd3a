//! How much memory rows take, about.

use crate::codec::Codec;

/// What an allocation costs beside its bytes.
const ALLOCATION_BYTES: usize = 16;
/// New samples weigh so much less than all before.
const WEIGHT: usize = 16;

/// The size of the rows of a table, learned from some of them.
pub(super) struct RowSize {
    /// Within the map: with the room that maps leave free.
    flat: usize,
    /// Whether rows have allocations of their own.
    has_more: bool,
    /// Bytes of a row in those, times [`WEIGHT`].
    more: usize,
    sample: Vec<u8>,
}

impl RowSize {
    /// Of rows that are `T` in the map, made of `K` and `V`.
    pub(super) fn of<T, K, V>() -> Self {
        Self {
            flat: size_of::<T>() * 8 / 7 + 1,
            has_more: std::mem::needs_drop::<(K, V)>(),
            more: 0,
            sample: Vec::new(),
        }
    }

    /// Whether there is anything to learn.
    pub(super) fn learns(&self) -> bool {
        self.has_more
    }

    pub(super) fn learn<K: Codec, V: Codec>(&mut self, key: &K, value: &V) {
        self.sample.clear();
        key.encode(&mut self.sample);
        value.encode(&mut self.sample);
        let found = self.sample.len() * 5 / 4 + ALLOCATION_BYTES;
        self.more = if self.more == 0 {
            found * WEIGHT
        } else {
            self.more - self.more / WEIGHT + found
        };
        // One large row does not keep its size for ever.
        if self.sample.capacity() > 1 << 20 {
            self.sample = Vec::new();
        }
    }

    /// Bytes of a row.
    pub(super) fn bytes(&self) -> usize {
        self.flat + self.more / WEIGHT
    }
}
