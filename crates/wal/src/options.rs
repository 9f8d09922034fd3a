//! The limits of a log, and what happens when each is reached.

/// Limits of a log. `Options::default()` suits a server.
#[derive(Debug, Clone)]
pub struct Options {
    /// Size of a segment file in bytes, preallocated. When a group does not fit, the segment is sealed
    /// and the next one created; a single batch larger than this gets a segment of its own size.
    /// Free space below this is a full disk when the next segment is due.
    pub segment_bytes: u64,
    /// Bytes of submitted, not yet committed batches. When a batch would exceed it,
    /// [`crate::Committer::submit`] blocks and [`crate::Committer::try_submit`] gives the batch back.
    pub pending_bytes_max: u64,
    /// How long the committer waits before it tries a full disk again, in milliseconds.
    pub full_retry_ms: u64,
    /// After this many idle milliseconds the committer writes a mark that proves the last group synced.
    pub idle_mark_ms: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            segment_bytes: 64 << 20,
            pending_bytes_max: 32 << 20,
            full_retry_ms: 200,
            idle_mark_ms: 1000,
        }
    }
}
