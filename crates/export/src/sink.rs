//! Where callers push.

use std::sync::Arc;
use std::time::Duration;

use crate::queue::{Piece, Queue};
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
        let piece = Piece {
            scope,
            encoded,
            count,
        };
        self.push_pieces(std::iter::once(piece), marks);
    }

    /// Several scopes at once.
    pub(crate) fn push_pieces<'a>(&self, pieces: impl Iterator<Item = Piece<'a>> + Clone, marks: &[Mark]) {
        self.queue.push(pieces, marks);
    }

    /// Blocks this thread while memory is so full that spans go to disk, at most so long; whether there is room now.
    /// For who can wait, such as a replay. Never waits for a destination, nor for a disk that takes nothing.
    pub fn wait_for_room(&self, timeout: Duration) -> bool {
        self.queue.wait_for_room(timeout)
    }

    /// Asks that all that was pushed before be made safe: taken, on disk, or dropped and counted.
    pub fn secure(&self) -> Secured {
        let mut secured = Secured::default();
        self.secure_with(&mut secured);
        secured
    }

    /// As [`secure`](SpanSink::secure), as part of a larger ticket.
    pub(crate) fn secure_with(&self, secured: &mut Secured) {
        if let Some(number) = self.queue.secure() {
            secured.add(Arc::clone(&self.queue), number);
        }
    }
}
