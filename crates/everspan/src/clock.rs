//! The wall clock, read at the edge and nowhere else.

use std::time::{SystemTime, UNIX_EPOCH};

/// ns since the Unix epoch; 0 before it.
pub fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// ms since the Unix epoch.
pub fn now_ms() -> u64 {
    now_ns() / 1_000_000
}
