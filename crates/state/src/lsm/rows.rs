//! Rows that go to disk past the write buffer: whoever has them keeps them until they are there.
//!
//! They are told in the order of their keys, in the thread of the flush, and become tables at once: no memtable, no
//! log. Their sequence number is the tree's own next one, which is made greater than any in the tree. A state is
//! written either so or by [`put`](crate::Backend::put), never both: the two count differently.

use lsm_tree::{AbstractTree, AnyTree, SequenceNumberCounter};

use super::flushing::Content;
use super::pin::{Filler, Pin};
use super::{APPLIED_KEY, FLUSHES_MAX, Flushing, LsmBackend, LsmSnapshot};
use crate::StateError;
use std::sync::Arc;
use std::time::Instant;

/// Takes rows in the order of their keys; `None`: the key is removed.
pub(crate) type RowSink<'a> = dyn FnMut(&[u8], Option<&[u8]>) -> Result<(), StateError> + 'a;

/// Tells rows to a sink.
pub(crate) type Rows = Box<dyn FnOnce(&mut RowSink<'_>) -> Result<(), StateError> + Send>;

impl LsmBackend {
    /// Whether so many bytes of rows may be [written](Self::write_rows) now. Waits for the older of two flushes under way.
    ///
    /// # Errors
    ///
    /// When the disk has too little room, nothing was touched; else when the state is poisoned.
    pub(crate) fn make_ready(&mut self, bytes: u64) -> Result<(), StateError> {
        assert!(
            self.buffer.bytes() == 0,
            "a state is written by rows or by batches"
        );
        self.slot.check_poison()?;
        while self.flushes.front().is_some_and(Flushing::is_done) || self.flushes.len() >= FLUSHES_MAX {
            self.end_oldest_flush()?;
        }
        if bytes == 0 {
            Ok(())
        } else {
            self.check_room_for(bytes)
        }
    }

    /// Begins to bring `rows` to disk, if there are any, and notes what is there then: a snapshot. To be called when it
    /// was [made ready](Self::make_ready). `then` is told how it went, in the thread of the flush.
    pub(crate) fn write_rows(
        &mut self,
        rows: Option<Rows>,
        then: impl FnOnce(bool) + Send + 'static,
    ) -> LsmSnapshot {
        let began = Instant::now();
        self.applied += u64::from(rows.is_some());
        let pin = Pin::new(&self.dir);
        let (tree, filler) = (self.tree.clone(), Filler(Arc::clone(&pin)));
        let then = move |flushed: &Result<(), StateError>| {
            then(flushed.is_ok());
            match flushed {
                Ok(()) => filler.0.fill(&tree),
                Err(error) => filler.0.fail(error.to_string()),
            }
        };
        self.slot.keep_pin(&pin);
        let (position, seqno) = (self.applied, self.seqno.clone());
        let write = rows.map(|rows| {
            let write = move |tree: &AnyTree| ingest(tree, &seqno, rows, position);
            Box::new(write) as Box<_>
        });
        let content = Content::of_rows(write, position);
        let before = self.flushes.back();
        let flushing = Flushing::begin(
            (&self.tree, self.compactor.has_thread()),
            content,
            before,
            || {},
            then,
        );
        self.flushes.push_back(flushing);
        LsmSnapshot {
            position,
            pin,
            durability: self.durability,
            synchronous: began.elapsed(),
        }
    }

    /// Whether rows are on their way to disk.
    ///
    /// # Errors
    ///
    /// When they could not be written: the state is poisoned.
    pub(crate) fn is_writing(&mut self) -> Result<bool, StateError> {
        while self.flushes.front().is_some_and(Flushing::is_done) {
            self.end_oldest_flush()?;
        }
        Ok(!self.flushes.is_empty())
    }

    /// Waits until all rows are on disk.
    ///
    /// # Errors
    ///
    /// As [`is_writing`](Self::is_writing).
    pub(crate) fn wait_for_rows(&mut self) -> Result<(), StateError> {
        self.end_flushes()
    }
}

/// Writes tables of the rows, and of the position behind them.
fn ingest(
    tree: &AnyTree,
    seqno: &SequenceNumberCounter,
    rows: Rows,
    position: u64,
) -> Result<(), StateError> {
    let failed = |error: lsm_tree::Error| StateError::Poisoned {
        reason: error.to_string(),
    };
    let mut tables = tree.ingestion().map_err(failed)?;
    rows(&mut |key, value| {
        match value {
            Some(value) => tables.write(key, value),
            None => tables.write_tombstone(key),
        }
        .map_err(failed)
    })?;
    tables
        .write(APPLIED_KEY, position.to_le_bytes())
        .map_err(failed)?;
    // Tables that an earlier process wrote may have any number.
    if let Some(highest) = tree.get_highest_persisted_seqno() {
        seqno.fetch_max(highest + 1);
    }
    tables.finish().map_err(failed)
}
