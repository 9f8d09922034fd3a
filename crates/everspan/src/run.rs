//! The commands, one file each. Exit codes: 0 done, 1 failed, 2 the user's mistake.

mod server;

pub use server::server;
