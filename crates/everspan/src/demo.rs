//! `everspan demo`: a server, a service in a process of its own, four calls, and their traces as trees.
//!
//! ```text
//!  this process                                         child process
//!  ┌──────────────────────────────────────────┐         ┌───────────────────────────┐
//!  │ story ─ HTTP ─► server ── service protocol ──────► │ Greeter, Counter (official │
//!  │   ▲               │ OTLP/gRPC            │         │ Rust SDK)                  │
//!  │   └── tree ◄── collector                 │         └───────────────────────────┘
//!  └──────────────────────────────────────────┘           killed and started again
//! ```
//!
//! Nothing is mocked: the spans take the way they take to any collector. Every wait is bounded.

mod child;
mod collector;
mod service;
mod span;
mod stage;
mod story;
mod tree;

pub use service::{PORT_FLAG, SERVICE_COMMAND, serve};
pub(crate) use story::run;
