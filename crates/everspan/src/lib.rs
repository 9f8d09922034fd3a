//! The parts of the `everspan` binary: what talks to the operator, the sockets and the threads.
//!
//! Nothing here decides about invocations: that is `everspan-durable`. See docs/ARCHITECTURE.md.

pub mod address;
pub mod admin;
pub mod checkpoints;
pub mod cli;
pub mod clock;
pub mod config;
pub mod data_dir;
pub mod demo;
pub mod ingress;
pub mod invoker;
mod panicked;
pub mod registry;
pub mod run;
pub mod server;
pub mod worker;
