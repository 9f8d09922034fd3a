//! Spans, trace context, derived ids, the catalog of span kinds, and OTLP bytes.
//!
//! This crate says what a span *is* and how it looks on the wire. It does no I/O, reads no clock and draws no
//! random number: times and seeds come by argument, so the same input gives the same bytes and the same ids.
//! It knows what the spans of an invocation are *called* ([`catalog`]), never what an invocation is.
//!
//! ```
//! use everspan_trace::{catalog, derive_span_id, derive_trace_id, otlp, Span, SpanContext};
//!
//! let trace_id = derive_trace_id(b"inv_1");
//! let context = SpanContext::sampled(trace_id, derive_span_id(b"inv_1", 0));
//! let mut span = Span::new(&catalog::ATTEMPT, "Greeter/greet", context, 1_000, 2_000);
//! span.attributes.push(catalog::attr::ATTEMPT_NUMBER.value(1));
//! let mut bytes = Vec::new();
//! otlp::encode_span(&span, &mut bytes);
//! assert!(!bytes.is_empty());
//! ```

mod builder;
pub mod catalog;
mod context;
mod environment;
mod filter;
mod ids;
mod level_filter;
mod metric_group;
pub mod otlp;
mod receiver;
mod reporter;
mod sampler;
mod span;
mod text;
mod value;

pub use builder::SpanBuilder;
pub use context::{FLAG_RANDOM, FLAG_SAMPLED, SpanContext};
pub use environment::Environment;
pub use filter::{SpanFilter, SpanFilterError};
pub use ids::{ParseIdError, SpanId, TraceId, derive_span_id, derive_trace_id};
pub use level_filter::{LevelFilter, LevelFilterError};
pub use metric_group::MetricGroup;
pub use receiver::SpanReceiver;
pub use reporter::{Factories, Factory, ReporterConfig, ReporterError, TraceReporter};
pub use sampler::{Sampler, SamplerError};
pub use span::{Event, Link, Span, SpanKind, Status};
pub use text::Text;
pub use value::{KeyValue, Value};
