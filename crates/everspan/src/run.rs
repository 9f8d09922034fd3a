//! The commands, one file each. Exit codes: 0 done, 1 failed, 2 the user's mistake.

mod checkpoints;
pub(crate) mod client;
mod demo;
mod deployments;
mod invocations;
mod restore;
pub(crate) mod screen;
mod server;
mod table;

pub use checkpoints::{checkpoint, savepoint};
pub use demo::demo;
pub use deployments::deployments;
pub use invocations::invocations;
pub use restore::restore;
pub use server::{SENDER_COMMAND, server};
