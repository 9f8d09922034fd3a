//! Durable invocations, decided here and carried out elsewhere.
//!
//! ```text
//!   record ──► Machine::apply ──► state changes (keyed state of one partition)
//!                     │
//!                     └────────► effects: attempts to start, replies, messages, spans
//! ```
//!
//! * [`record`]: everything that can happen to a partition, as data. What is not in a record did not happen.
//! * [`machine`]: applies one record to the state and returns the effects. Pure: no clock, no randomness, no
//!   I/O beyond the keyed state, no logging. The same records give the same state, effects and span ids.
//! * [`entry`]: the journal, one kind of entry a file.
//! * [`attempt`]: one conversation with one SDK, bytes in, bytes and records out.
//! * [`partition`]: the rule that joins log and machine: an effect leaves only after its record is synced.
//! * [`view`]: what an operator may see of an invocation.
//!
//! This crate never sees the log, a socket or a thread.

pub mod attempt;
pub mod effect;
pub mod entry;
pub mod invocation;
pub mod machine;
pub mod partition;
pub mod policy;
pub mod record;
pub mod target;
pub mod view;

mod tables;
