//! Which rows of a table were written to since its last snapshot, nearly.
//!
//! ```text
//!  bucket i ──► marks[i]: 512 bits, one of which the upper bits of a row's hash say
//! ```
//!
//! A write sets a bit beside the row it finds, and nothing else. Rows that share a bit with one that was written count as
//! written, too: about one of a hundred for each row of a bucket that was. Removed rows leave their keys.

/// Bits for the rows of a bucket.
type Marks = [u64; 8];

/// The rows of one key group, for as long as someone wants to know.
pub(super) struct Changes<K> {
    /// For each bucket; none when nobody wants to know.
    marks: Vec<Marks>,
    /// Keys of rows that were removed, each perhaps several times, and perhaps there again.
    removed: Vec<K>,
}

impl<K> Default for Changes<K> {
    fn default() -> Self {
        Self {
            marks: Vec::new(),
            removed: Vec::new(),
        }
    }
}

impl<K> Changes<K> {
    /// None so far, of so many buckets.
    pub(super) fn of(buckets: usize) -> Self {
        Self {
            marks: vec![Marks::default(); buckets],
            removed: Vec::new(),
        }
    }

    /// The row with this hash, in this bucket, is written to.
    #[inline]
    pub(super) fn mark(&mut self, bucket: usize, hash: u64) {
        if let Some(marks) = self.marks.get_mut(bucket) {
            let (word, bit) = place(hash);
            marks[word] |= bit;
        }
    }

    /// A row is removed; `false` when more were than can be kept, which is `removed_max`.
    pub(super) fn remove(&mut self, key: impl FnOnce() -> K, removed_max: usize) -> bool {
        if self.marks.is_empty() {
            return true;
        }
        if self.removed.len() >= removed_max {
            return false;
        }
        self.removed.push(key());
        true
    }

    /// The buckets are doubled: the rows of bucket `i` of `n` go to `i` and `i + n`.
    pub(super) fn double(&mut self) {
        self.marks.extend_from_within(..);
    }

    /// Whether a row may have been written to.
    pub(super) fn has(&self, bucket: usize, hash: u64) -> bool {
        let (word, bit) = place(hash);
        self.marks[bucket][word] & bit != 0
    }

    /// Whether a row of this bucket was written to.
    pub(super) fn has_any(&self, bucket: usize) -> bool {
        self.marks[bucket] != Marks::default()
    }

    pub(super) fn removed(&self) -> &[K] {
        &self.removed
    }
}

/// The bits are others than those that choose the bucket, and than those by which a bucket's own map looks.
fn place(hash: u64) -> (usize, u64) {
    let place = hash >> 47;
    ((place >> 6) as usize & 7, 1 << (place & 63))
}
