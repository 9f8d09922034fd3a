//! Records between tasks: typed batches over bounded channels, one channel per pair of subtasks.
//!
//! ```text
//!  ExchangeOut ──[batch being filled]──► Channel (≤ 8 batches) ──► gate of the receiving subtask
//!             ◄───────────── emptied batches, to be filled again ─────
//! ```
//!
//! Records are moved, never encoded. Nobody waits here: a full channel makes the sender keep its batch and say so, and
//! the subtask takes no more input until there is room. That is the back pressure.

mod batch;
mod channel;
mod gauge;
mod output;
mod partition;
mod waker;

pub(crate) use batch::Batch;
pub(crate) use channel::{BUFFERS_PER_CHANNEL, Channel, Message};
pub(crate) use gauge::Gauge;
pub use gauge::{Level, Pressure};
pub(crate) use output::ExchangeFactory;
pub use partition::Partitioner;
pub(crate) use partition::Router;
pub(crate) use partition::{Forward, Global, Hash, Rebalance};
pub(crate) use waker::Waker;
