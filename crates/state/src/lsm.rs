//! State on disk: one LSM tree for each partition, in a directory of its own.
//!
//! ```text
//! <dir>/LOCK        held while the state is open
//! <dir>/PARTITION   whose state this is; written last, so it says that the tree is complete
//! <dir>/tree/       current ─► v<N> ─► tables/<id>     (files of the LSM tree)
//! ```
//!
//! What was written since the last flush waits in a [`WriteBuffer`] and is read from there. It goes into the tree
//! only in [`Backend::flush`], between two batches, together with the key that holds the applied position:
//! whatever is on disk is the state after some commit. Compaction runs in the thread of a shared [`Compactor`].
//!
//! This module never lets the tree decide whether it is new, never reads at a sequence number other
//! than the newest, and never drops ranges: each of these silently gives wrong data.

mod buffer;
mod compacting;
mod compactor;
mod flushing;
mod layout;
mod merge;
mod open;
mod open_error;
mod options;
mod owner;
mod pin;
mod reader;
mod restore;
mod rows;
mod slot;
mod snapshot;
mod version_file;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use lsm_tree::{AbstractTree, AnyTree, Guard, SeqNo, SequenceNumberCounter, Slice};

pub use compacting::Compacting;
pub use compactor::{Compaction, Compactor};
pub use open_error::OpenError;
pub use options::{FreeSpace, LsmOptions, LsmShared};
pub use owner::Owner;
pub(crate) use reader::{KEY_BYTES_MAX, LsmReader};
pub use restore::LsmRestored;
pub(crate) use rows::{RowSink, Rows};
pub use slot::LsmCounters;
pub use snapshot::LsmSnapshot;

use crate::backend::{assert_next_position, assert_user_key, scan_start};
use crate::digest::Digest;
use crate::disk::Durability;
use crate::{Backend, RESERVED_KEY_BYTE, StateError};
use buffer::WriteBuffer;
use flushing::{Content, Flushing};
use layout::DirLock;
use merge::{Merge, Row};
use slot::Slot;

/// Holds the applied position, eight bytes little endian, in the same tree as the state.
const APPLIED_KEY: &[u8] = &[RESERVED_KEY_BYTE, b'a'];

/// Reads see the newest version of every key; the tree's own counter is private to it.
const NEWEST: SeqNo = SeqNo::MAX;

/// Positions are sequence numbers of the tree, which keeps the topmost bit for itself.
const POSITION_MAX: u64 = (1 << 63) - 2;

/// Values up to this size are copied out; a longer one shares the block it was read with.
const COPIED_VALUE_MAX: usize = 4096;

/// Buffers on their way to disk: one more waits for the oldest.
const FLUSHES_MAX: usize = 2;

/// What a flush wants to see free besides twice its own size.
const FREE_MARGIN_BYTES: u64 = 32 << 20;

/// Keyed state of one partition on disk.
///
/// Dropping it waits for a running flush and compaction step and then releases the directory. What was not
/// flushed is gone; the log has it.
pub struct LsmBackend {
    tree: AnyTree,
    /// The tree's own: versions count by it, and rows that are written past the buffer.
    seqno: SequenceNumberCounter,
    slot: Arc<Slot>,
    compactor: Compactor,
    free_space: FreeSpace,
    durability: Durability,
    dir: PathBuf,
    applied: u64,
    persisted: u64,
    buffer: WriteBuffer,
    /// The buffers before, on their way to disk, one after the other; the oldest in front.
    flushes: VecDeque<Flushing>,
    in_batch: bool,
    /// The last field: the directory is released when nothing can touch it any more.
    _lock: DirLock,
}

impl LsmBackend {
    /// Opens the state in `dir`, or creates an empty one if `dir` is absent or empty.
    ///
    /// # Errors
    ///
    /// Whatever makes the directory unfit: see [`OpenError`]. A damaged table is found when it is read
    /// or by [`verify_tables`](LsmBackend::verify_tables), not here.
    pub fn open(dir: &Path, options: LsmOptions) -> Result<Self, OpenError> {
        open::open(dir, options, open::Absent::Create)
    }

    /// Opens the state in `dir`, which must be there: for a partition whose log was trimmed already.
    ///
    /// # Errors
    ///
    /// [`OpenError::Absent`] without a state, else as [`open`](LsmBackend::open).
    pub fn open_existing(dir: &Path, options: LsmOptions) -> Result<Self, OpenError> {
        open::open(dir, options, open::Absent::Refuse)
    }

    /// As [`begin_flush`](Backend::begin_flush), but nothing becomes durable before `first` has returned: what must be
    /// safe earlier than this state. It runs in the thread of the flush, while the owner goes on.
    ///
    /// # Errors
    ///
    /// Those of [`flush`](Backend::flush).
    pub fn begin_flush_behind(&mut self, first: impl FnOnce() + Send + 'static) -> Result<(), StateError> {
        if let Some(frozen) = self.freeze()? {
            self.begin(Some(frozen), first, |_| {});
        }
        Ok(())
    }

    /// Compares every table file with its checksum; returns the number of bytes read.
    ///
    /// # Errors
    ///
    /// [`StateError::TableDamaged`] for the first table that differs.
    pub fn verify_tables(&self) -> Result<u64, StateError> {
        version_file::verify_tables(&self.tree, &layout::tables_dir(&self.dir))
    }

    /// What has happened since the state was opened.
    #[must_use]
    pub fn counters(&self) -> LsmCounters {
        self.slot.counters(&self.tree)
    }

    /// The directory of this state.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn check_free_space(&self) -> Result<(), StateError> {
        self.check_room_for(self.unflushed_bytes())
    }

    fn check_room_for(&self, bytes: u64) -> Result<(), StateError> {
        let needed = 2 * bytes + FREE_MARGIN_BYTES;
        let free = (self.free_space)(&self.dir).map_err(|error| StateError::FreeSpaceUnknown {
            path: self.dir.clone(),
            reason: error.to_string(),
        })?;
        if free < needed {
            return Err(StateError::DiskFull { needed, free });
        }
        Ok(())
    }

    /// What is on its way to disk: the oldest is number 0.
    fn frozen(&self, number: usize) -> Option<&WriteBuffer> {
        self.flushes.get(number).map(|flushing| flushing.frozen.as_ref())
    }

    /// The position that is on disk when all flushes under way have ended.
    fn frozen_position(&self) -> u64 {
        self.flushes.back().map_or(self.persisted, Flushing::position)
    }

    /// Takes the buffer for a flush; `None` when everything is on disk, or on its way.
    fn freeze(&mut self) -> Result<Option<WriteBuffer>, StateError> {
        assert!(!self.in_batch, "a flush happens between two batches");
        self.slot.check_poison()?;
        while self.flushes.front().is_some_and(Flushing::is_done) || self.flushes.len() >= FLUSHES_MAX {
            self.end_oldest_flush()?;
        }
        if self.frozen_position() == self.applied {
            return Ok(None);
        }
        self.check_free_space()?;
        Ok(Some(std::mem::take(&mut self.buffer)))
    }

    fn begin(
        &mut self,
        frozen: Option<WriteBuffer>,
        first: impl FnOnce() + Send + 'static,
        then: impl FnOnce(&Result<(), StateError>) + Send + 'static,
    ) {
        let before = self.flushes.back();
        let content = Content::of_buffer(frozen, self.applied);
        let flushing = Flushing::begin(
            (&self.tree, self.compactor.has_thread()),
            content,
            before,
            first,
            then,
        );
        self.flushes.push_back(flushing);
    }

    /// Takes note of the end of every flush under way; waits for them.
    fn end_flushes(&mut self) -> Result<(), StateError> {
        while !self.flushes.is_empty() {
            self.end_oldest_flush()?;
        }
        Ok(())
    }

    /// A failed flush stays: reads need what it froze.
    fn end_oldest_flush(&mut self) -> Result<(), StateError> {
        if let Some(flushing) = self.flushes.front_mut() {
            self.persisted = flushing.finish(&self.slot)?;
            let has_changes = flushing.has_changes();
            self.flushes.pop_front();
            if has_changes {
                self.slot.count_flush();
                self.compactor.submit(&self.slot, &self.tree);
            }
        }
        Ok(())
    }

    /// Rows of the tree from `start` to before `end`, without the buffer.
    fn tree_rows(&self, start: &[u8], end: &[u8]) -> impl Iterator<Item = Row> {
        let rows = self.tree.range(start.to_vec()..end.to_vec(), NEWEST, None);
        rows.map(|entry| {
            let (key, value) = entry.into_inner().map_err(read_error)?;
            Ok((into_bytes(key), into_bytes(value)))
        })
    }

    fn rows<'a>(&'a self, start: &'a [u8], end: &'a [u8]) -> impl Iterator<Item = Row> + 'a {
        let frozen = move |number| {
            let frozen = self.frozen(number).into_iter();
            frozen.flat_map(move |frozen| frozen.range(start, end))
        };
        let older = Merge::new(Merge::new(self.tree_rows(start, end), frozen(0)), frozen(1));
        Merge::new(older, self.buffer.range(start, end))
    }
}

impl Backend for LsmBackend {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StateError> {
        assert_user_key(key);
        if let Some(newest) = self.buffer.get(key) {
            return Ok(newest.cloned());
        }
        for number in (0..FLUSHES_MAX).rev() {
            if let Some(newer) = self.frozen(number).and_then(|frozen| frozen.get(key)) {
                return Ok(newer.cloned());
            }
        }
        let value = self.tree.get(key, NEWEST).map_err(read_error)?;
        Ok(value.map(into_bytes))
    }

    fn put(&mut self, key: &[u8], value: &[u8]) {
        assert_user_key(key);
        self.in_batch = true;
        self.buffer.put(key, value);
    }

    fn delete(&mut self, key: &[u8]) {
        assert_user_key(key);
        self.in_batch = true;
        self.buffer.delete(key);
    }

    fn scan(
        &self,
        prefix: &[u8],
        from: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, StateError> {
        let start = scan_start(prefix, from);
        let end = prefix_end(prefix);
        if start >= end.as_slice() {
            return Ok(Vec::new());
        }
        self.rows(start, &end).take(limit).collect()
    }

    fn commit(&mut self, position: u64) {
        assert_next_position(self.applied, position);
        assert!(
            position <= POSITION_MAX,
            "position {position} has the bit the tree keeps for itself"
        );
        self.applied = position;
        self.in_batch = false;
    }

    fn applied(&self) -> u64 {
        self.applied
    }

    fn unflushed_bytes(&self) -> u64 {
        let frozen = |number| self.frozen(number).map_or(0, WriteBuffer::bytes);
        let frozen: u64 = (0..FLUSHES_MAX).map(frozen).sum();
        // The applied position is a change, too.
        self.buffer.bytes() + frozen + if self.applied == self.persisted { 0 } else { 8 }
    }

    fn flush(&mut self) -> Result<u64, StateError> {
        self.end_flushes()?;
        if let Some(frozen) = self.freeze()? {
            let flushing = Flushing::at_once(&self.tree, frozen, self.applied);
            self.flushes.push_back(flushing);
            self.end_flushes()?;
        }
        Ok(self.persisted)
    }

    fn begin_flush(&mut self) -> Result<(), StateError> {
        self.begin_flush_behind(|| {})
    }

    fn poll_flush(&mut self) -> Result<Option<u64>, StateError> {
        while self.flushes.front().is_some_and(Flushing::is_done) {
            self.end_oldest_flush()?;
        }
        Ok(self.flushes.is_empty().then_some(self.persisted))
    }

    fn persisted(&self) -> u64 {
        self.persisted
    }

    fn digest(&self) -> Result<u128, StateError> {
        let mut digest = Digest::new();
        for row in self.rows(&[], &[RESERVED_KEY_BYTE]) {
            let (key, value) = row?;
            digest.entry(&key, &value);
        }
        Ok(digest.finish(self.applied))
    }
}

impl Drop for LsmBackend {
    fn drop(&mut self) {
        // Whether it succeeds does not matter any more: the log has what is not on disk.
        drop(self.end_flushes());
        // A tree deletes files when its last handle goes, under names a later open uses again: the
        // compactor's handle has to go before the directory's lock does.
        self.slot.close();
    }
}

fn read_error(error: lsm_tree::Error) -> StateError {
    StateError::Read {
        reason: error.to_string(),
    }
}

fn into_bytes(slice: Slice) -> Bytes {
    if slice.len() <= COPIED_VALUE_MAX {
        Bytes::copy_from_slice(&slice)
    } else {
        Bytes::from_owner(slice)
    }
}

/// The first key behind all user keys that start with `prefix`.
fn prefix_end(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    vec![RESERVED_KEY_BYTE]
}

#[cfg(test)]
mod tests;
