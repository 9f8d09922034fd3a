//! Where callers push.

use std::sync::Arc;

use crate::queue::Queue;
use crate::{Mark, Secured};

/// Where callers push encoded spans. Cheap to clone; never blocks beyond a short lock.
#[derive(Clone, Debug)]
pub struct SpanSink {
    queue: Arc<Queue>,
}

impl SpanSink {
    pub(crate) fn new(queue: Arc<Queue>) -> Self {
        Self { queue }
    }

    /// Hands over `count` finished spans of one scope: `encoded` is the concatenation of what
    /// `everspan_trace::otlp::encode_span` wrote for them. When there is no room for all of them, all of them are
    /// dropped and counted. `marks` say up to which records all spans have been pushed, these included; `count` may be
    /// 0 to tell marks alone.
    pub fn push(&self, scope: &str, encoded: &[u8], count: usize, marks: &[Mark]) {
        if self.queue.push(scope, encoded, count, marks) {
            self.queue.wake.notify_one();
        }
    }

    /// Asks that all that was pushed before be made safe: taken, on disk, or dropped and counted.
    pub fn secure(&self) -> Secured {
        Secured::default()
    }
}
