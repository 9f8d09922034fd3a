//! The clock and the ids of this system, for spans of user code.

use std::time::{SystemTime, UNIX_EPOCH};

use everspan_trace::{Environment, SpanId, TraceId};
use rand::Rng;

/// The system's clock, and random ids.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEnvironment;

impl Environment for SystemEnvironment {
    fn now_ns(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    fn new_trace_id(&self) -> TraceId {
        TraceId(rand::rng().random_range(1..=u128::MAX).to_be_bytes())
    }

    fn new_span_id(&self) -> SpanId {
        SpanId(rand::rng().random_range(1..=u64::MAX).to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_usable_and_differ() {
        let ids: Vec<TraceId> = (0..100).map(|_| SystemEnvironment.new_trace_id()).collect();
        let mut different = ids.clone();
        different.sort_unstable();
        different.dedup();
        assert_eq!(different.len(), 100);
        assert!(ids.iter().all(|id| id.is_valid()));
        assert!(SystemEnvironment.new_span_id().is_valid());
        assert!(SystemEnvironment.now_ns() > 1_700_000_000_000_000_000);
    }
}
