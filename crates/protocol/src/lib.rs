//! The service protocol as bytes and text: what Everspan and an SDK say to each other.
//!
//! ```text
//! HTTP body bytes ⇄ frame::Frame ⇄ message::…        one invocation stream
//! GET /discover   → manifest::Manifest               what a deployment offers
//! "inv_1…"        ⇄ ids::InvocationId                ids on wires, in URLs and in logs
//! ```
//!
//! This crate never knows a journal: whether a message is allowed *now* is decided elsewhere.
//! It never does I/O, reads a clock or draws a random number.

pub mod content_type;
pub mod frame;
pub mod ids;
pub mod manifest;
pub mod message;
