//! Where finished spans of user code go.

use std::sync::Arc;

use crate::Span;

/// Takes finished spans: a writer of reporters, a test's list, another process.
///
/// A receiver must not block: it is called on the thread that made the span.
///
/// ```
/// use std::sync::Mutex;
/// use everspan_trace::{Span, SpanReceiver};
///
/// #[derive(Default)]
/// struct Names(Mutex<Vec<String>>);
///
/// impl SpanReceiver for Names {
///     fn add(&self, span: Span) {
///         self.0.lock().expect("no receiver panics").push(span.name.to_string());
///     }
/// }
/// ```
pub trait SpanReceiver: Send + Sync {
    /// Takes one finished span.
    fn add(&self, span: Span);

    /// Whether a span of this scope and name would be taken. What is not wanted need not be built.
    fn wants(&self, _scope: &str, _name: &str) -> bool {
        true
    }
}

impl<R: SpanReceiver + ?Sized> SpanReceiver for Arc<R> {
    fn add(&self, span: Span) {
        (**self).add(span);
    }

    fn wants(&self, scope: &str, name: &str) -> bool {
        (**self).wants(scope, name)
    }
}
