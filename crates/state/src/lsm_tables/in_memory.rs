//! What a table of any type has in memory.

use super::LsmWriteOut;

/// A table, for whoever looks after the memory of all tables of an owner.
pub trait RowsInMemory {
    /// Bytes of the rows in memory, about.
    fn memory_bytes(&self) -> usize;

    /// Bytes of those that were changed since the last write-out began, about.
    fn changed_bytes(&self) -> usize;

    /// Looks at some rows, so that their size is known. To be called now and then.
    fn sample(&mut self);

    /// Drops rows that are on disk from memory, whole groups at a time, until it is so many bytes or more, about, or none
    /// is left. Returns how many.
    fn evict(&mut self, bytes: usize) -> usize;

    /// Adds what was changed to a write-out.
    fn add_to(&mut self, out: &mut LsmWriteOut);
}
