//! Reporters of users: any [`TraceReporter`] as the destination of a pipeline.
//!
//! The reporter is opened at the start, gets every span in its own thread, and is closed at the end. One that panics is
//! closed at once; the spans that it has not got by then, and those that come later, are counted as rejected.
//!
//! ```
//! use everspan_export::reporting;
//! use everspan_trace::{ReporterConfig, ReporterError, Span, TraceReporter};
//!
//! struct ToStdout;
//!
//! impl TraceReporter for ToStdout {
//!     fn open(&mut self, _config: &ReporterConfig) -> Result<(), ReporterError> {
//!         Ok(())
//!     }
//!     fn notify_of_added_span(&mut self, span: &Span) {
//!         println!("{} took {} ns", span.name, span.end_ns - span.start_ns);
//!     }
//!     fn close(&mut self) {}
//! }
//!
//! let destination = reporting::destination(Box::new(ToStdout), &ReporterConfig::new("stdout"))?;
//! assert_eq!(destination.place(), "the reporter stdout");
//! # Ok::<(), everspan_export::ExportError>(())
//! ```

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use everspan_trace::{ReporterConfig, ReporterError, Span, TraceReporter};

use crate::blocking::{BlockingDestination, on_own_thread};
use crate::decode::decode;
use crate::{Batch, Delivery, Destination, ExportError};

/// Opens the reporter and starts its thread.
pub fn destination(
    mut reporter: Box<dyn TraceReporter>,
    config: &ReporterConfig,
) -> Result<Box<dyn Destination>, ExportError> {
    let opened = guarded(|| reporter.open(config)).unwrap_or_else(|panic| Err(ReporterError::Failed(panic)));
    opened.map_err(|error| ExportError::Reporter {
        name: config.name().to_owned(),
        error,
    })?;
    on_own_thread(
        config.name(),
        Reporting {
            name: config.name().to_owned(),
            state: State::Open(reporter),
        },
    )
}

struct Reporting {
    name: String,
    state: State,
}

enum State {
    Open(Box<dyn TraceReporter>),
    /// What it said when it panicked.
    Panicked(String),
    Closed,
}

impl Reporting {
    /// Whether the reporter got the span.
    fn notify(&mut self, span: &Span) -> bool {
        let State::Open(reporter) = &mut self.state else {
            return false;
        };
        let Err(panic) = guarded(|| reporter.notify_of_added_span(span)) else {
            return true;
        };
        tracing::error!(reporter = self.name, panic, span = %span.name, "a trace reporter panicked and is closed");
        self.close();
        self.state = State::Panicked(panic);
        false
    }

    fn close(&mut self) {
        if let State::Open(mut reporter) = std::mem::replace(&mut self.state, State::Closed)
            && let Err(panic) = guarded(|| reporter.close())
        {
            tracing::error!(
                reporter = self.name,
                panic,
                "a trace reporter panicked while it closed"
            );
        }
    }
}

impl BlockingDestination for Reporting {
    fn deliver(&mut self, batch: &Batch) -> Delivery {
        match &self.state {
            State::Open(_) => {}
            State::Panicked(why) => return Delivery::Refused { why: why.clone() },
            State::Closed => {
                return Delivery::Refused {
                    why: "the reporter is closed".to_owned(),
                };
            }
        }
        let decoded = decode(batch);
        let missed = decoded.spans.iter().filter(|span| !self.notify(span)).count();
        let panic = match &self.state {
            State::Panicked(why) => Some(why.clone()),
            State::Open(_) | State::Closed => None,
        };
        Delivery::Taken {
            rejected: decoded.unreadable + missed as u64,
            message: panic.or(decoded.why),
        }
    }

    fn place(&self) -> String {
        format!("the reporter {}", self.name)
    }

    fn close(&mut self) {
        Reporting::close(self);
    }
}

/// Runs code of a user; a panic is an error with its text. The reporter is not used again after it.
fn guarded<T>(code: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|panic| panic_text(&*panic))
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("it panicked: {}", text.unwrap_or("without a text"))
}

#[cfg(test)]
mod tests;
