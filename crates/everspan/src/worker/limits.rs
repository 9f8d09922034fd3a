//! Every limit of the workers, and what happens when it is reached.

/// The limits.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Requests of clients that wait at one worker. One more is refused: 429 with `Retry-After`.
    pub mailbox_max: usize,
    /// Bytes of requests' bodies that are being read or wait for a worker, all together. A request that needs more is
    /// refused: 429 with `Retry-After`.
    pub request_bytes_max: usize,
    /// Bytes of attempts' messages that wait for a worker, all together. Attempts that have more wait, and their
    /// services with them.
    pub progress_bytes_max: usize,
    /// Attempts at a time in the whole process. More wait their turn, first come first served in each partition.
    pub attempts_max: usize,
    /// Inputs a worker takes before it writes them to the log together.
    pub inputs_per_turn: usize,
    /// Bytes of records after which a turn takes no further input: 32 requests of the largest size would not fit
    /// one batch of the log.
    pub bytes_per_turn: u64,
    /// Timers, and ended retentions, that one turn handles.
    pub timers_per_turn: usize,
    /// Bytes of state a partition keeps in memory; then they are flushed to disk.
    pub flush_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            mailbox_max: 4096,
            request_bytes_max: 256 << 20,
            progress_bytes_max: 128 << 20,
            attempts_max: 1000,
            inputs_per_turn: 1024,
            bytes_per_turn: 8 << 20,
            timers_per_turn: 256,
            flush_bytes: 16 << 20,
        }
    }
}
