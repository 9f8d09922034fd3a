//! Reporters with I/O: finished spans leave the process here, and no caller ever waits for it.
//!
//! A caller writes finished spans to a [`SpanWriter`]: each is encoded once into a buffer, which is handed over with an
//! append under a short lock. Every reporter has a [`Pipeline`] of its own, which takes what waits in batches to a
//! [`Destination`], again and again until they are taken or refused for good.
//!
//! ```text
//!  workers ── push ──► queue (memory, bounded) ──► sender ──► destination, such as a collector
//!                        │        ▲                   │ refused: drop, count
//!                        ▼        │                   │ unreachable: wait, try again
//!                      spool (disk, bounded)          └─► position (disk)
//! ```
//!
//! Queue and spool are one line: what memory has no room for goes to disk, oldest first, and so does what must outlive
//! a crash ([`SpanWriter::secure`]) and what is left at the end. What a destination has taken is written down at once,
//! with the [`Mark`]s of the records behind it, so that the next start repeats nothing and misses nothing. What was under
//! way when a process was killed is repeated, unless a [`sender_process`] noted it.
//!
//! ```
//! use everspan_export::{Pipeline, PipelineOptions, Reporter, Reporters, log};
//! use everspan_trace::Span;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let runtime = tokio::runtime::Runtime::new()?;
//! let lines = log::destination()?; // or otlp::destination(OtlpOptions::new("http://localhost:4317"))?
//! let pipeline = Pipeline::start(PipelineOptions::new("lines"), lines, &[], runtime.handle())?;
//! let reporters = Reporters::new(vec![Reporter::new(pipeline)]);
//! let group = reporters.metric_group().add_group("job_name", "import");
//! group.add_span(Span::builder("my::Import", "File").attribute("rows", 7));
//! assert!(runtime.block_on(reporters.shutdown(std::time::Duration::from_secs(5))));
//! assert_eq!(reporters.counters()[0].1.exported, 1);
//! # Ok(())
//! # }
//! ```
//!
//! Nothing here blocks a caller, stops the process, or loses a span without counting it.

mod backoff;
mod batch;
mod blocking;
mod counters;
mod decode;
mod destination;
mod environment;
mod error;
pub mod jaeger_file;
mod keeper;
pub mod log;
mod log_limit;
mod marks;
mod notices;
#[cfg(feature = "opentelemetry")]
pub mod opentelemetry;
pub mod otlp;
mod pipeline;
mod position;
mod queue;
#[cfg(feature = "receiver")]
pub mod receiver;
mod reporters;
pub mod reporting;
mod retry_info;
mod secured;
mod sender;
pub mod sender_process;
mod sent;
mod sink;
mod spool;
mod storage;

pub use batch::Batch;
pub use blocking::{BlockingDestination, on_own_thread};
pub use counters::{Counters, Dropped};
pub use decode::{Decoded, decode};
pub use destination::{Delivery, Destination};
pub use environment::SystemEnvironment;
pub use error::ExportError;
pub use marks::Mark;
pub use otlp::OtlpOptions;
pub use pipeline::{Pipeline, PipelineOptions, SpoolOptions};
pub use reporters::{Reporter, Reporters, SharedWriter, SpanWriter};
pub use secured::Secured;
pub use sink::SpanSink;
