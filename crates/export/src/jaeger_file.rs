//! Jaeger JSON files: a folder of traces that Jaeger's UI opens without a server (search page, "Upload").
//!
//! Each batch becomes a file of its own, whole and well-formed from the moment it has its name:
//!
//! ```text
//! <dir>/trace-20261121T131412.123456Z-0f3a5c7e9b1d2f40.json
//!             │                       └ hash of the content
//!             └ when the last span in it ended (UTC)
//! ```
//!
//! Two files never have one name, unless they are the same byte for byte: what is written again after a crash takes
//! the place of what was written before. Each file is synced before it gets its name, and the folder after, so that a
//! span that was noted as taken is still there after a power cut.
//!
//! The spans of a trace end at different times and so stand in several files. Within a file all spans of a trace are
//! together, and a process has the same id in every file, so files are merged by trace id:
//!
//! ```sh
//! jq -s '{data: [.[].data[]] | group_by(.traceID) | map({traceID: .[0].traceID, spans: map(.spans[]) | unique_by(.spanID), processes: map(.processes) | add})}' trace-*.json > merged.json
//! ```

mod document;
mod folder;
mod span_json;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use everspan_trace::KeyValue;
use tokio::time::Instant;

use crate::blocking::{BlockingDestination, on_own_thread};
use crate::decode::decode;
use crate::log_limit::LogLimit;
use crate::{Batch, Delivery, Destination, ExportError};
use document::{Process, documents};
use folder::{Folder, Keep, Removed};

/// Where files are written, how large they become and how long they stay.
#[derive(Clone, Debug, PartialEq)]
pub struct JaegerFileOptions {
    /// The folder; made when it is missing.
    pub dir: PathBuf,
    /// A batch that would make a larger file becomes several. A single span may still be larger.
    pub file_bytes_max: u64,
    /// When all files together are larger, the oldest are removed; the newest always stays.
    pub keep_bytes_max: u64,
    /// Files that were written longer ago are removed, within a minute.
    pub keep_age_max: Duration,
    /// The resource of this process, `service.name` among it.
    pub resource: Vec<KeyValue>,
}

impl JaegerFileOptions {
    /// Files of up to 16 MiB, 1 GiB of them, for seven days.
    pub fn new(dir: impl Into<PathBuf>, resource: Vec<KeyValue>) -> Self {
        Self {
            dir: dir.into(),
            file_bytes_max: 16 << 20,
            keep_bytes_max: 1 << 30,
            keep_age_max: Duration::from_secs(7 * 24 * 60 * 60),
            resource,
        }
    }
}

/// Opens the folder, removes what a killed process left half-written, and starts the thread that writes.
pub fn destination(options: JaegerFileOptions) -> Result<Box<dyn Destination>, ExportError> {
    on_own_thread("everspan-files", JaegerFiles::open(options)?)
}

struct JaegerFiles {
    folder: Folder,
    process: Process,
    file_bytes_max: u64,
    log_limit: LogLimit,
    /// Removed since the log last said so.
    removed: Removed,
}

impl JaegerFiles {
    fn open(options: JaegerFileOptions) -> Result<Self, ExportError> {
        let unwritable = |error: std::io::Error| ExportError::UnwritablePath {
            path: options.dir.clone(),
            reason: error.to_string(),
        };
        let keep = Keep {
            bytes_max: options.keep_bytes_max,
            age_max: options.keep_age_max,
        };
        let mut files = Self {
            folder: Folder::open(&options.dir, keep).map_err(unwritable)?,
            process: Process::new(&options.resource),
            file_bytes_max: options.file_bytes_max,
            log_limit: LogLimit::default(),
            removed: Removed::default(),
        };
        files.remove_old();
        Ok(files)
    }

    fn write(&mut self, batch: &Batch) -> std::io::Result<Delivery> {
        let decoded = decode(batch);
        for document in documents(&decoded.spans, &self.process, self.file_bytes_max) {
            self.folder.write(&document.name, document.content.as_bytes())?;
        }
        self.remove_old();
        Ok(Delivery::Taken {
            rejected: decoded.unreadable,
            message: decoded.why,
        })
    }

    fn remove_old(&mut self) {
        self.removed += self.folder.remove_old(SystemTime::now());
        if self.removed.files > 0 && self.log_limit.allows(Instant::now()) {
            tracing::info!(
                dir = %self.folder.path().display(),
                files = self.removed.files,
                bytes = self.removed.bytes,
                "removed the oldest trace files"
            );
            self.removed = Removed::default();
        }
    }
}

impl BlockingDestination for JaegerFiles {
    fn deliver(&mut self, batch: &Batch) -> Delivery {
        self.write(batch).unwrap_or_else(|error| Delivery::Later {
            wait: None,
            why: error.to_string(),
        })
    }

    fn place(&self) -> String {
        self.folder.path().display().to_string()
    }

    fn idle(&mut self) {
        self.remove_old();
    }
}

#[cfg(test)]
mod tests;
