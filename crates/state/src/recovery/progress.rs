//! How far a restore is.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts bytes while files are brought here; any thread may look.
#[derive(Debug, Default)]
pub struct Progress {
    wanted: AtomicU64,
    done: AtomicU64,
}

impl Progress {
    /// Bytes of all files that were asked for so far.
    pub fn wanted_bytes(&self) -> u64 {
        self.wanted.load(Ordering::Relaxed)
    }

    /// Bytes of those that are here.
    pub fn done_bytes(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// So many more bytes are wanted.
    pub fn want(&self, bytes: u64) {
        self.wanted.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So many more are here.
    pub fn finish(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
    }
}
