//! What a subtask tells when its part of a checkpoint is written.

use std::time::Duration;

/// Times and sizes of one subtask's part. Times are measured on a monotonic clock.
///
/// ```text
/// trigger ── start_delay ──► barrier here ── alignment ──► sync ──► async (upload within) ──► ack
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubtaskStats {
    /// From the trigger until its barrier arrived.
    pub start_delay: Duration,
    /// Waiting for the barriers of its other inputs.
    pub alignment: Duration,
    /// While it did nothing else: taking the snapshot.
    pub sync: Duration,
    /// Beside its work: writing and moving the snapshot. Contains `upload`.
    pub asynchronous: Duration,
    /// Moving files to the store, at the end of `asynchronous`.
    pub upload: Option<Duration>,
    /// Bytes newly written by this checkpoint.
    pub checkpointed_bytes: u64,
    /// Bytes of all its state, whichever checkpoint wrote them.
    pub full_bytes: u64,
    /// Bytes of data it processed during the alignment.
    pub processed_bytes: u64,
    /// Bytes of data in flight that are part of the checkpoint (unaligned).
    pub persisted_bytes: u64,
    /// Whether its barrier overtook data.
    pub unaligned: bool,
}
