//! Partition workers: plain threads, each with one mailbox and several partitions.
//!
//! ```text
//! mailbox ─► take all that waits ─► records ─► log (syncs meanwhile) ─► apply ─► effects of synced records leave
//! ```
//!
//! A worker decides nothing about invocations; it gives records their number, the log its bytes, and effects their
//! way: to services, to other partitions, to waiting clients, to the exporter.

mod cut;
mod input;
mod limits;
mod maintenance;
mod persisted;
mod recover;
mod router;
mod run;
mod shard;
mod spans;
mod start;
mod waiting;

pub use cut::{Cut, CutNews, Taken};
pub use input::{Accepted, AttachReply, Ended, Input, Query, Reply};
pub use limits::Limits;
pub use persisted::Persisted;
pub(crate) use recover::takers;
pub use router::{Refusal, Room, Router};
pub(crate) use start::partition_name;
pub use start::{BeginStart, LogCounters, OpenReporters, StartError, Workers, WorkersOptions, start};
