//! Reporters with I/O: finished spans leave the process here, and no caller ever waits for it.
//!
//! A caller encodes a span (`everspan_trace::otlp::encode_span`) and pushes the bytes into a [`SpanSink`]: an append
//! under a short lock. A task of its own, started by [`Exporter::start`], takes what waits in batches and sends them
//! to an OTLP/gRPC collector, again and again until they are accepted or refused for good.
//!
//! ```text
//!  workers ── push ──► queue (bounded, batches) ──► task ── OTLP/gRPC ──► collector
//!                        │ full: drop, count          │ refused: drop, count
//!                        └─────────── Counters ───────┘ unreachable: wait, try again
//! ```
//!
//! Nothing here blocks a caller, stops the process, or loses a span without counting it.

mod counters;
mod exporter;
mod grpc;
mod log_limit;
mod options;
mod queue;
#[cfg(feature = "receiver")]
pub mod receiver;
mod retry;
mod sender;

pub use counters::{Counters, Dropped};
pub use exporter::Exporter;
pub use options::{ExportError, OtlpOptions};
pub use queue::SpanSink;
