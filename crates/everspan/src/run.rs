//! The commands, one file each. Exit codes: 0 done, 1 failed, 2 the user's mistake.

pub(crate) mod client;
mod demo;
mod deployments;
mod invocations;
pub(crate) mod screen;
mod server;
mod table;

pub use demo::demo;
pub use deployments::deployments;
pub use invocations::invocations;
pub use server::server;
