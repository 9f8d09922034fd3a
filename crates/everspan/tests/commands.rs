//! The commands as people and scripts use them: output, messages, exit codes.

#![allow(clippy::unwrap_used, reason = "a test")]

mod world {
    pub(crate) mod child;
}

mod commanded {
    pub(crate) mod client;
    pub(crate) mod mistakes;
    pub(crate) mod process;
}
