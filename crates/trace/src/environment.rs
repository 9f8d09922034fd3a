//! What a group of spans takes from outside: the time, and new ids.

use std::sync::Arc;

use crate::{SpanId, TraceId};

/// A clock and a source of ids. This crate has neither; `everspan_export::SystemEnvironment` has both.
///
/// ```
/// use everspan_trace::{Environment, SpanId, TraceId, derive_span_id, derive_trace_id};
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// /// The same ids in every run: for tests.
/// #[derive(Default)]
/// struct Counting(AtomicU64);
///
/// impl Environment for Counting {
///     fn now_ns(&self) -> u64 {
///         self.0.fetch_add(1, Ordering::Relaxed)
///     }
///     fn new_trace_id(&self) -> TraceId {
///         derive_trace_id(&self.now_ns().to_le_bytes())
///     }
///     fn new_span_id(&self) -> SpanId {
///         derive_span_id(b"", self.now_ns())
///     }
/// }
/// ```
pub trait Environment: Send + Sync {
    /// Nanoseconds since the Unix epoch.
    fn now_ns(&self) -> u64;

    /// A trace id that nobody else has.
    fn new_trace_id(&self) -> TraceId;

    /// A span id that no other span of the trace has.
    fn new_span_id(&self) -> SpanId;
}

impl<E: Environment + ?Sized> Environment for Arc<E> {
    fn now_ns(&self) -> u64 {
        (**self).now_ns()
    }

    fn new_trace_id(&self) -> TraceId {
        (**self).new_trace_id()
    }

    fn new_span_id(&self) -> SpanId {
        (**self).new_span_id()
    }
}
