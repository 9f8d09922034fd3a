//! A flush: the frozen buffer goes into the tree and to disk, here and now or in a thread of its own, while the owner
//! goes on. One that begins while another is under way waits for it in its thread.
//!
//! Until it is done the frozen buffer stays in front of the tree for every read, so it does not matter how much of it
//! the tree has already.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
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
    /// Whether it writes a table.
    has_changes: bool,
    work: Option<Work>,
    ended: Arc<Ended>,
}

/// Whether a flush has succeeded, once it has ended.
#[derive(Default)]
struct Ended {
    success: Mutex<Option<bool>>,
    changed: Condvar,
}

impl Ended {
    /// The first word counts.
    fn say(&self, success: bool) {
        self.success
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(success);
        self.changed.notify_all();
    }

    fn wait(&self) -> bool {
        let success = self.success.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_while(success, |success| success.is_none());
        *waited.unwrap_or_else(PoisonError::into_inner) == Some(true)
    }
}

/// Says that a flush has failed, unless something else was said before: it may panic.
struct Says(Arc<Ended>);

impl Drop for Says {
    fn drop(&mut self) {
        self.0.say(false);
    }
}

/// Brings something to disk.
pub(super) type Write = Box<dyn FnOnce(&AnyTree) -> Result<(), StateError> + Send>;

/// What a flush brings to disk.
pub(super) struct Content {
    /// Read from here until it is there.
    frozen: Arc<WriteBuffer>,
    position: u64,
    write: Option<Write>,
}

impl Content {
    /// The changes up to `position`, if there are any.
    pub(super) fn of_buffer(frozen: Option<WriteBuffer>, position: u64) -> Self {
        let has_changes = frozen.is_some();
        let frozen = Arc::new(frozen.unwrap_or_default());
        let entries = Arc::clone(&frozen);
        let write = move |tree: &AnyTree| flush(tree, &entries, position);
        Self {
            frozen,
            position,
            write: has_changes.then(|| Box::new(write) as Write),
        }
    }

    /// What someone else keeps until it is on disk, if there is anything.
    pub(super) fn of_rows(write: Option<Write>, position: u64) -> Self {
        Self {
            frozen: Arc::default(),
            position,
            write,
        }
    }
}

enum Work {
    Begun(JoinHandle<Result<(), StateError>>),
    Done(Result<(), StateError>),
}

/// Has it done beside the caller's work, or, without a thread, here.
fn in_a_thread(work: Box<dyn FnOnce() -> Result<(), StateError> + Send>) -> Work {
    // The work goes into the thread by a channel: without a thread it is still here.
    let (hand_over, taken) = std::sync::mpsc::sync_channel::<Box<dyn FnOnce() -> _ + Send>>(1);
    let thread = std::thread::Builder::new().name("state-flush".to_owned());
    let spawned = thread.spawn(move || {
        let work = taken
            .recv()
            .expect("whoever starts the thread hands the work over");
        work()
    });
    match spawned {
        Ok(thread) => {
            drop(hand_over.send(work));
            Work::Begun(thread)
        }
        Err(_) => Work::Done(work()),
    }
}

impl Flushing {
    /// Makes `frozen`, the changes up to `position`, durable before it returns.
    pub(super) fn at_once(tree: &AnyTree, frozen: WriteBuffer, position: u64) -> Self {
        let done = Work::Done(flush(tree, &frozen, position));
        Self {
            frozen: Arc::new(frozen),
            position,
            has_changes: true,
            work: Some(done),
            ended: Arc::default(),
        }
    }

    /// Begins to make `content` durable once `first` has returned and the flush `before` has ended; `then` is told how it
    /// ended, before anything else touches the tree. At once unless `beside`, or if there is no thread to be had.
    pub(super) fn begin(
        (tree, beside): (&AnyTree, bool),
        content: Content,
        before: Option<&Self>,
        first: impl FnOnce() + Send + 'static,
        then: impl FnOnce(&Result<(), StateError>) + Send + 'static,
    ) -> Self {
        let Content {
            frozen,
            position,
            write,
        } = content;
        let has_changes = write.is_some();
        let in_thread = tree.clone();
        let before = before.map(|before| Arc::clone(&before.ended));
        let ended = Arc::default();
        let says = Says(Arc::clone(&ended));
        let work: Box<dyn FnOnce() -> Result<(), StateError> + Send> = Box::new(move || {
            first();
            let flushed = match (before, write) {
                (Some(before), _) if !before.wait() => Err(StateError::Poisoned {
                    reason: "the flush before it failed".to_owned(),
                }),
                (_, Some(write)) => write(&in_thread),
                (_, None) => Ok(()),
            };
            then(&flushed);
            says.0.say(flushed.is_ok());
            flushed
        });
        let work = if beside {
            in_a_thread(work)
        } else {
            Work::Done(work())
        };
        Self {
            frozen,
            position,
            has_changes,
            work: Some(work),
            ended,
        }
    }

    /// The position that is durable when it has succeeded.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn has_changes(&self) -> bool {
        self.has_changes
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
