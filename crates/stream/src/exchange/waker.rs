//! Tells a subtask that there may be something to do.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;
use std::time::Duration;

/// Wakes one subtask. Cheap while the subtask works: only the first call after it has looked does anything.
#[derive(Debug, Default)]
pub(crate) struct Waker {
    woken: AtomicBool,
    thread: OnceLock<Thread>,
}

impl Waker {
    /// The subtask looks again, now or when it would wait next.
    pub(crate) fn wake(&self) {
        if !self.woken.swap(true, Ordering::AcqRel)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    /// Forgets earlier calls; returns whether there was one. To be called before looking, so that nothing is missed.
    pub(crate) fn take(&self) -> bool {
        self.woken.swap(false, Ordering::AcqRel)
    }

    /// Whether someone called since the last look.
    pub(crate) fn is_woken(&self) -> bool {
        self.woken.load(Ordering::Acquire)
    }

    /// The thread that is to be woken is the calling one.
    pub(crate) fn bind_to_this_thread(&self) {
        self.thread
            .set(std::thread::current())
            .expect("a subtask has one thread");
    }

    /// Waits on the bound thread until someone wakes it, or so long.
    pub(crate) fn wait(&self, most: Option<Duration>) {
        if self.is_woken() {
            return;
        }
        match most {
            Some(most) => std::thread::park_timeout(most),
            None => std::thread::park(),
        }
    }
}
