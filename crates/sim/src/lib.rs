//! The server core in a simulated world, driven by one seed in one thread; and stream jobs in another, see [`jobs`].
//!
//! ```text
//!   clients ─► mailboxes ─► prepare ─► append ─► sync ─► tell ─► release ─► effects
//!                 ▲            └─► apply (any time)                            │
//!                 └── timers, other partitions, conversations with services ◄──┘
//! ```
//!
//! Each arrow is a step of its own and the seed decides which one is next, so that every order that threads and
//! sockets could produce can happen here. The disk tears, fails and fills up; services break off, hang and send
//! garbage; the whole process dies at any step, or stops in order. The checker is told everything that leaves the
//! server, and counts the spans that reach a collector.
//!
//! Checkpoints go through it all: cuts through all partitions, into a store that does one request in a step and can
//! fail each; and crashes that take states or the whole disk, from which the newest checkpoint brings them back. The
//! checker knows what the log adds up to at every cut, and looks that no checkpoint is half, that no message between
//! partitions has only one half in it, that nothing it needs is removed, and that a start leaves nothing that none needs.
//! Files in the store go bad, too: then the newest checkpoint that is whole is taken.
//!
//! Nothing depends on this crate.

mod checker;
mod client;
mod copies;
mod cuts;
pub mod jobs;
mod messages;
mod objects;
mod outside;
mod pipeline;
mod program;
mod rows;
mod run;
mod sdk;
mod settings;
mod world;

pub use run::{Report, Violation, run};
pub use settings::Mutation;
