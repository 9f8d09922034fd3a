//! What is left after a crash is the state after some commit, not older than the last flush.
//!
//! Covered: a process killed at any moment (`kill`), and directories copied while the state is being
//! written, which mixes files of different moments (`images`). Not covered here: what a power cut does
//! to data that was not synced. The order of the tree's syncs was checked once by replaying a trace of
//! its system calls against a simulated disk; these tests would not notice a sync that is left out.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod images;
mod kill;
mod script;
