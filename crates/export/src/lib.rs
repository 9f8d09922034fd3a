//! Reporters with I/O: finished spans leave the process here, and no caller ever waits for it.
//!
//! A caller writes finished spans to a [`SpanWriter`]: each is encoded once into a buffer, which is handed over with an
//! append under a short lock. Every reporter has a [`Pipeline`] of its own, which takes what waits in batches to a
//! [`Destination`], again and again until they are taken or refused for good.
//!
//! ```text
//!  workers ── push ──► queue (bounded, batches) ──► task ──► destination, such as a collector
//!                        │ full: drop, count          │ refused: drop, count
//!                        └─────────── Counters ───────┘ unreachable: wait, try again
//! ```
//!
//! Nothing here blocks a caller, stops the process, or loses a span without counting it.

mod backoff;
mod batch;
mod blocking;
mod counters;
mod decode;
mod destination;
mod error;
pub mod jaeger_file;
pub mod log;
mod log_limit;
#[cfg(feature = "opentelemetry")]
pub mod opentelemetry;
pub mod otlp;
mod pipeline;
mod queue;
#[cfg(feature = "receiver")]
pub mod receiver;
mod reporters;
pub mod reporting;
mod retry_info;
mod secured;
mod sender;
mod sink;

pub use batch::{Batch, Mark};
pub use blocking::{BlockingDestination, on_own_thread};
pub use counters::{Counters, Dropped};
pub use decode::{Decoded, decode};
pub use destination::{Delivery, Destination};
pub use error::ExportError;
pub use otlp::OtlpOptions;
pub use pipeline::{Pipeline, PipelineOptions, SpoolOptions};
pub use reporters::{Reporter, Reporters, SpanWriter};
pub use secured::Secured;
pub use sink::SpanSink;
