//! The wire against recorded frames, arbitrary cuts and arbitrary bytes.

mod hostile;
mod ids;
mod manifests;
mod messages;
mod recorded;
mod text;
