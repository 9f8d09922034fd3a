//! Sources and sinks that come with the crate, one per file.

pub(crate) mod collect;
pub(crate) mod discard;
pub(crate) mod file_sink;
pub(crate) mod file_source;
pub(crate) mod generator;
mod given_path;
pub(crate) mod print;
