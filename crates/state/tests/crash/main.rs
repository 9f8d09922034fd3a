//! What is left after a crash is the state after some commit, not older than the last flush.
//!
//! Covered: a process killed at any moment (`kill`), and directories copied while the state is being
//! written, which mixes files of different moments (`images`). These tests would not notice a sync that is left out:
//! what a power cut does to data that was not synced is the subject of `tests/power_loss`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod images;
mod kill;
mod script;
