//! A writer for code that has no thread of its own for spans.

use std::sync::{Mutex, MutexGuard, PoisonError};

use everspan_trace::{Span, SpanReceiver};

use crate::SpanWriter;

/// A [`SpanWriter`] that any thread may add to; each span is handed over at once. For spans that are few, such as those
/// of a metric group.
#[derive(Debug, Default)]
pub struct SharedWriter(Mutex<SpanWriter>);

impl SharedWriter {
    /// Around this writer.
    pub fn new(writer: SpanWriter) -> Self {
        Self(Mutex::new(writer))
    }

    fn lock(&self) -> MutexGuard<'_, SpanWriter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpanReceiver for SharedWriter {
    fn add(&self, span: Span) {
        let mut writer = self.lock();
        writer.add(&span, None);
        writer.push(&[]);
    }

    fn wants(&self, scope: &str, name: &str) -> bool {
        self.lock().takes(scope, name)
    }
}
