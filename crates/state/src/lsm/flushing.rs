//! A flush: the frozen buffer goes into the tree and to disk, here and now or in a thread of its own, while the owner
//! goes on.
//!
//! Until it is done the frozen buffer stays in front of the tree for every read, so it does not matter how much of it
//! the tree has already.

use std::sync::Arc;
use std::thread::JoinHandle;

use lsm_tree::{AbstractTree, AnyTree, SeqNo};

use super::buffer::WriteBuffer;
use super::slot::Slot;
use super::{APPLIED_KEY, NEWEST, read_error};
use crate::StateError;

/// The flush of one frozen buffer.
pub(super) struct Flushing {
    pub(super) frozen: Arc<WriteBuffer>,
    position: u64,
    work: Option<Work>,
}

enum Work {
    Begun(JoinHandle<Result<(), StateError>>),
    Done(Result<(), StateError>),
}

impl Flushing {
    /// Makes `frozen`, the changes up to `position`, durable before it returns.
    pub(super) fn at_once(tree: &AnyTree, frozen: WriteBuffer, position: u64) -> Self {
        let done = Work::Done(flush(tree, &frozen, position));
        Self {
            frozen: Arc::new(frozen),
            position,
            work: Some(done),
        }
    }

    /// Begins to make `frozen`, the changes up to `position`, durable once `first` has returned; `then` is told how it
    /// ended, before anything else touches the tree. At once if there is no thread to be had.
    pub(super) fn begin(
        tree: &AnyTree,
        frozen: WriteBuffer,
        position: u64,
        first: impl FnOnce() + Send + 'static,
        then: impl FnOnce(&Result<(), StateError>) + Send + 'static,
    ) -> Self {
        let frozen = Arc::new(frozen);
        let (in_thread, entries) = (tree.clone(), Arc::clone(&frozen));
        let work: Box<dyn FnOnce() -> Result<(), StateError> + Send> = Box::new(move || {
            first();
            let flushed = flush(&in_thread, &entries, position);
            then(&flushed);
            flushed
        });
        // The work goes into the thread by a channel: without a thread it is still here.
        let (hand_over, taken) = std::sync::mpsc::sync_channel::<Box<dyn FnOnce() -> _ + Send>>(1);
        let thread = std::thread::Builder::new().name("state-flush".to_owned());
        let spawned = thread.spawn(move || {
            let work = taken
                .recv()
                .expect("whoever starts the thread hands the work over");
            work()
        });
        let work = match spawned {
            Ok(thread) => {
                drop(hand_over.send(work));
                Work::Begun(thread)
            }
            Err(_) => Work::Done(work()),
        };
        Self {
            frozen,
            position,
            work: Some(work),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        !matches!(&self.work, Some(Work::Begun(thread)) if !thread.is_finished())
    }

    /// Waits for the end; the position that is durable now. After an error nothing is ever flushed again.
    pub(super) fn finish(&mut self, slot: &Slot) -> Result<u64, StateError> {
        let ended = match self.work.take() {
            Some(Work::Begun(thread)) => thread.join().unwrap_or_else(|_| {
                Err(StateError::Poisoned {
                    reason: "the flush panicked".to_owned(),
                })
            }),
            Some(Work::Done(ended)) => ended,
            None => Ok(()),
        };
        if let Err(error) = ended {
            slot.poison(format!("flush of position {}: {error}", self.position));
        }
        slot.check_poison()?;
        Ok(self.position)
    }
}

/// Moves the buffer into the tree's memtable, which holds nothing else, and that to disk. The sequence number is the
/// position: greater than that of every flush before, also after a restart.
fn flush(tree: &AnyTree, frozen: &WriteBuffer, position: u64) -> Result<(), StateError> {
    let seqno: SeqNo = position;
    for (key, value) in frozen.iter() {
        match value {
            Some(value) => {
                tree.insert(key, value.as_ref(), seqno);
            }
            None if tree.contains_key(key, NEWEST).map_err(read_error)? => {
                tree.remove(key, seqno);
            }
            None => {}
        }
    }
    tree.insert(APPLIED_KEY, position.to_le_bytes(), seqno);
    tree.flush_active_memtable(NEWEST)
        .map_err(|error| StateError::Poisoned {
            reason: error.to_string(),
        })
}
