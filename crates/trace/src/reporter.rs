//! Reporters of one's own: what a reporter is, and how it is made by name.
//!
//! ```
//! use everspan_trace::{Factories, ReporterConfig, ReporterError, Span, TraceReporter};
//!
//! /// Counts spans, and shows every n-th.
//! struct EveryNth { n: u64, seen: u64 }
//!
//! impl TraceReporter for EveryNth {
//!     fn open(&mut self, config: &ReporterConfig) -> Result<(), ReporterError> {
//!         self.n = config.parsed("n", "a whole number")?.unwrap_or(100);
//!         Ok(())
//!     }
//!     fn notify_of_added_span(&mut self, span: &Span) {
//!         self.seen += 1;
//!         if self.seen.is_multiple_of(self.n) {
//!             println!("{} spans so far, the last is {}", self.seen, span.name);
//!         }
//!     }
//!     fn close(&mut self) {}
//! }
//!
//! let mut factories = Factories::default();
//! factories.register("every-nth", || Box::new(EveryNth { n: 0, seen: 0 }))?;
//!
//! let mut reporter = factories.make("every-nth")?;
//! reporter.open(&ReporterConfig::new("mine").with("n", "10"))?;
//! reporter.close();
//! # Ok::<(), ReporterError>(())
//! ```

mod config;
mod error;
mod factories;

pub use config::ReporterConfig;
pub use error::ReporterError;
pub use factories::{Factories, Factory};

use crate::Span;

/// Takes every finished span that its filters let through, in the order in which they ended.
///
/// It runs in a task of its own, behind a queue of its own, so it may take its time: what does not fit into the queue
/// meanwhile is spooled or counted as dropped. One that panics is closed, and gets no more spans.
/// (The shape is that of Flink's `TraceReporter`.)
pub trait TraceReporter: Send {
    /// Called once, before the first span. An error keeps the process from starting.
    fn open(&mut self, config: &ReporterConfig) -> Result<(), ReporterError>;

    /// One finished span.
    fn notify_of_added_span(&mut self, span: &Span);

    /// Called once, after the last span.
    fn close(&mut self);
}

#[cfg(test)]
mod tests;
