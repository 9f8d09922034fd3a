//! The way to a collector through a process of its own, so that a request under way outlives the death of this one.
//!
//! OTLP has no way to ask a collector what it has. A process that is killed between a request and its answer therefore
//! has to send the request again, and the collector may get its spans twice. Here the connection belongs to another
//! process, which does nothing but this, and is told to end by nobody but the end of its input.
//!
//! ```text
//!  server                                     sender process
//!  queue ─► sender ──── batch (stdin) ──────► request ─► collector
//!              ▲                                  │ taken, or refused for good
//!              │                                  ▼
//!              └────── answer (stdout) ◄──────── note in `sent`
//! ```
//!
//! When the server is killed, the process finishes the delivery under way, notes it, and ends. It makes one try at
//! most, so it ends within the time-out of a request. The next start of the pipeline waits for that
//! ([`sender_wait_max`](crate::PipelineOptions::sender_wait_max)) and takes over what was noted. When the process is killed,
//! the server starts another and sends the batch again; that one batch may come twice. When no process can be started,
//! the server delivers by itself.
//!
//! A program that wants it is its own sender process: it calls [`serve`] when it is started with the arguments that it
//! wrote into [`SenderProcess`], and a directory behind them.

mod frames;
mod launch;
mod order;
mod remote;
mod serve;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub use serve::serve;

use crate::{Destination, ExportError, OtlpOptions, otlp};
use launch::Launch;
use remote::Remote;

/// What is started: a program that calls [`serve`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderProcess {
    /// The program, most often this one.
    pub program: PathBuf,
    /// What lists of processes show in its place.
    pub name: OsString,
    /// Its arguments; the directory of the pipeline follows as the last one.
    pub arguments: Vec<OsString>,
}

/// As [`otlp::destination`], by way of a process that is started with the first batch. `dir` is that of the
/// pipeline's [`SpoolOptions`](crate::SpoolOptions), which exists by then.
pub fn destination(
    options: OtlpOptions,
    process: SenderProcess,
    dir: &Path,
) -> Result<Box<dyn Destination>, ExportError> {
    let in_process = otlp::destination(options.clone())?;
    let launch = Launch::new(process, dir, &options);
    Ok(Box::new(Remote::new(launch, in_process)))
}
