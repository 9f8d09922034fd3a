//! Where the lines go.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use everspan_export::receiver;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;

/// A file, or standard output.
pub(crate) struct Output(Mutex<Box<dyn Write + Send>>);

impl Output {
    /// Standard output without a path.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let writer: Box<dyn Write + Send> = match path {
            Some(path) => Box::new(OpenOptions::new().create(true).append(true).open(path)?),
            None => Box::new(io::stdout()),
        };
        Ok(Self(Mutex::new(writer)))
    }

    /// Whole lines, in one write, so that a reader never sees half a span for long.
    pub(crate) fn write(&self, request: &ExportTraceServiceRequest) -> io::Result<()> {
        let mut lines = Vec::new();
        for span in receiver::json::spans(request, now_ns()) {
            writeln!(lines, "{span}")?;
        }
        let mut writer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        writer.write_all(&lines)?;
        writer.flush()
    }
}

fn now_ns() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
}
