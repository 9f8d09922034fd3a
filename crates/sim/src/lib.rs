//! The server core in a simulated world, driven by one seed in one thread.
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
//! Nothing depends on this crate.

mod checker;
mod client;
mod outside;
mod pipeline;
mod program;
mod run;
mod sdk;
mod settings;
mod world;

pub use run::{Report, Violation, run};
pub use settings::Mutation;
