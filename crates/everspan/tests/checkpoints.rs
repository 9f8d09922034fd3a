//! Checkpoints and recoveries of a real server with a real SDK, and the spans that a collector gets of them.

#![allow(clippy::unwrap_used, reason = "a test")]

mod world {
    pub(crate) mod bank;
    pub(crate) mod child;
    pub(crate) mod collector;
    pub(crate) mod figures;
    pub(crate) mod http;
    pub(crate) mod rows;
    pub(crate) mod server;
}

mod checkpointed {
    mod killed;
    mod made;
    mod recovered;
    mod rows;
    mod s3;
    pub(crate) mod stage;
    mod starting;
    mod told;
    mod trimmed;
}
