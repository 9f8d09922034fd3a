//! The time, as it is given.

use std::time::Duration;

/// One moment on two clocks: the wall's, for what people read, and a monotonic one, for what is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Nanoseconds since the Unix epoch.
    pub wall_ns: u64,
    /// Nanoseconds since any fixed moment; never goes back.
    pub monotonic_ns: u64,
}

impl Now {
    /// How long ago `earlier` was, whatever the wall clock did since.
    pub fn since(self, earlier: Now) -> Duration {
        Duration::from_nanos(self.monotonic_ns.saturating_sub(earlier.monotonic_ns))
    }
}

/// The wall's time `after` a moment.
pub(crate) fn wall_ns_after(start: Now, after: Duration) -> u64 {
    let ns = u64::try_from(after.as_nanos()).unwrap_or(u64::MAX);
    start.wall_ns.saturating_add(ns)
}
