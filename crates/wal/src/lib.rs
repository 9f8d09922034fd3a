//! The log: ordered records of many partitions, one segmented file log, one sync for all that wait.
//!
//! It exists so that an effect can wait for its record to be durable. It never knows what a record
//! means, never acknowledges what it did not sync, and never writes again after a failed sync.
//!
//! ```
//! use everspan_wal::{Batch, Log, Options, SimDisk};
//! let (mut log, recovery) = Log::open(SimDisk::new(7), Options::default())?;
//! assert!(recovery.last.is_empty());
//! let mut batch = Batch::new();
//! batch.push(3, 1, b"first record of partition 3");
//! log.append(&batch)?; // written
//! log.sync()?; //         durable: now it may be acknowledged
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Log`] is synchronous and deterministic over a [`Disk`]; [`Committer`] is the one thread around it.
//!
//! # Format, version 1
//!
//! Integers are little-endian. A segment is the file `<number, 20 digits>.wal`; numbers start at 1 and
//! have no holes. All checksums are CRC-32C. `place` is the segment number and the offset in the file
//! of the thing checked (two u64): bytes that belong elsewhere never pass.
//!
//! ```text
//! segment  = header group*, then zeros, or anything behind a seal
//! header   = "EVSPWAL\0"  version u32  number u64  zero u64  crc u32(all before)              32 bytes
//! group    = "EVSG"  crc u32(the rest of these 24 bytes, place)
//!            length u32  kind u32  synced_to u64  record*                         24 + length bytes
//! record   = crc u32(the rest of the record, place)
//!            length u32  epoch u32  partition u16  zero u16  seq u64  payload      24 + length bytes
//! kind     = 0 records | 1 mark (empty) | 2 seal (empty, ends the segment)
//! ```
//!
//! A group is one write: it is kept whole or dropped whole. `synced_to` is the offset in this segment
//! below which every byte was known to be synced when the group was written. A mark only carries that
//! number; it is written when a log is opened, when it has been idle, and when it is stopped cleanly.
//! `epoch` is 0 until a replicated log needs it. `seq` starts at 1 and grows by 1 per partition; the
//! first one a log holds of a partition may be any, because older segments are trimmed.
//!
//! # What opening accepts
//!
//! A segment is sealed and synced before the next one is created, and a header is synced (with the
//! directory) before the first group. So only the last segment can be torn:
//!
//! * Walk the groups to the first bad one, at offset `p`. Unsynced sectors reach the disk in any order,
//!   so valid groups behind `p` prove nothing by themselves. But one behind `p` whose `synced_to` is
//!   greater than `p` proves that `p` had been synced: that is damage ([`OpenError::Damaged`]). Without
//!   such a proof everything from `p` on was never acknowledged: it is counted in
//!   [`Recovery::torn_bytes`], and a seal at `p` cuts it off before anything else is written. (Zeros
//!   would not do: after a failed sync they can be all that is read while the torn bytes are still there.)
//! * What is kept but not proven synced is written again and synced before anything else, because after
//!   a failed sync the page cache can show bytes that the disk never got.
//! * A last segment that holds nothing but its header, or pieces of it, may not have been created
//!   durably: it is removed, and created again when it is needed.
//! * Anything wrong in an earlier segment, an unknown version, a foreign file, a missing number or a
//!   break in a partition's `seq` is refused; each [`OpenError`] is the reader's next step.
//!
//! What this cannot see: damage to the very last group after a crash, before anything was written
//! behind it, looks like a torn write (this is why idle and stopped logs carry a mark); and a last
//! segment that vanished. Whoever holds state should compare its applied positions with
//! [`Recovery::last`]. Overwriting part of a sector is assumed not to harm the bytes that stay equal.

mod batch;
mod committer;
mod counters;
mod disk;
mod error;
mod file_disk;
mod format;
mod log;
mod options;
pub mod sim_disk;

pub use batch::{BATCH_BYTES_MAX, Batch};
pub use committer::{Committer, LogEvent, LogStatus, SubmitError};
pub use counters::Counters;
pub use disk::Disk;
pub use error::{AppendError, Failure, OpenError, ReplayError, SyncError, TrimError};
pub use file_disk::{FileDisk, FileDiskError};
pub use format::{FORMAT_VERSION, Record};
pub use log::{Log, Recovery};
pub use options::Options;
pub use sim_disk::SimDisk;
