//! A ticket that is done once spans are safe.

use std::time::Duration;

/// Done once every span pushed before it was asked for is taken by its destination, on disk in a spool, or dropped and
/// counted. A pipeline without a spool keeps spans in memory only and promises nothing: it never holds up a ticket.
#[derive(Clone, Debug, Default)]
#[must_use = "the spans are safe once the ticket is done"]
pub struct Secured {}

impl Secured {
    /// Whether it is done.
    pub fn is_done(&self) -> bool {
        true
    }

    /// Blocks this thread until it is done, at most so long; whether it is. Never waits for a collector, only for the
    /// local disk.
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        let _ = timeout;
        self.is_done()
    }
}
