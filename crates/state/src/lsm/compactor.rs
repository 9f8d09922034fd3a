//! The thread that compacts the trees of all partitions, off the path of the records.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use lsm_tree::AnyTree;

use super::slot::Slot;

/// A handle of the compaction thread of a process. The thread ends with the last handle.
#[derive(Clone)]
pub struct Compactor(Arc<Thread>);

/// A compaction that goes on beside the work on its state.
#[derive(Clone, Debug)]
pub struct Compaction(Arc<OnceLock<Duration>>);

impl Compaction {
    /// How long it took; `None` as long as it is not over, which it never is once its state is closed.
    #[must_use]
    pub fn took(&self) -> Option<Duration> {
        self.0.get().copied()
    }
}

struct Thread {
    /// Never longer than there are open states: each has one request waiting at most.
    requests: Option<Sender<Arc<Slot>>>,
    join: Option<JoinHandle<()>>,
}

impl Compactor {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// When the system refuses another thread.
    pub fn start() -> std::io::Result<Self> {
        let (requests, waiting) = mpsc::channel();
        let join = std::thread::Builder::new()
            .name("state-compactor".to_owned())
            .spawn(move || run(&waiting))?;
        Ok(Self(Arc::new(Thread {
            requests: Some(requests),
            join: Some(join),
        })))
    }

    /// Without a thread: a compaction is over before whoever asks for it goes on. The same calls do the same then.
    #[must_use]
    pub fn without_thread() -> Self {
        Self(Arc::new(Thread {
            requests: None,
            join: None,
        }))
    }

    pub(super) fn has_thread(&self) -> bool {
        self.0.requests.is_some()
    }

    /// As [`submit`](Self::submit), for whoever wants to know how long it takes; `None` if no compaction is wanted.
    pub(super) fn submit_watched(&self, slot: &Arc<Slot>, tree: &AnyTree) -> Option<Compaction> {
        let watched = slot.watch(tree)?;
        self.submit(slot, tree);
        Some(Compaction(watched))
    }

    /// Asks for a compaction of `tree`, the one in `slot`, if it wants one.
    pub(super) fn submit(&self, slot: &Arc<Slot>, tree: &AnyTree) {
        if !slot.request(tree) {
            return;
        }
        match &self.0.requests {
            Some(requests) => requests
                .send(Arc::clone(slot))
                .expect("the compaction thread lives as long as a handle"),
            None => slot.compact(),
        }
    }
}

fn run(waiting: &Receiver<Arc<Slot>>) {
    while let Ok(slot) = waiting.recv() {
        slot.compact();
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(join) = self.join.take() {
            join.join()
                .expect("the compaction thread catches what a compaction throws");
        }
    }
}
