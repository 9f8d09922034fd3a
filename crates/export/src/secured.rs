//! A ticket that is done once spans are safe.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::queue::Queue;

/// Done once every span pushed before it was asked for is taken by its destination, on disk and synced, or dropped and
/// counted. It waits for the local disk, never for a destination: one that has not taken the spans within 100 ms gets
/// them from the disk, and spans that find no room there for 5 s are dropped. A pipeline without a spool keeps spans in
/// memory only and promises nothing: it never holds up a ticket.
#[derive(Clone, Debug, Default)]
#[must_use = "the spans are safe once the ticket is done"]
pub struct Secured {
    awaited: Vec<(Arc<Queue>, u64)>,
}

impl Secured {
    pub(crate) fn add(&mut self, queue: Arc<Queue>, number: u64) {
        self.awaited.push((queue, number));
    }

    /// Whether it is done.
    pub fn is_done(&self) -> bool {
        self.awaited.iter().all(|(queue, number)| queue.is_safe(*number))
    }

    /// Blocks this thread until it is done, at most so long; whether it is.
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        let end = Instant::now() + timeout;
        self.awaited.iter().all(|(queue, number)| {
            let left = end.saturating_duration_since(Instant::now());
            queue.wait_safe(*number, left)
        })
    }
}
