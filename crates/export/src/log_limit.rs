//! At most one log line per minute for trouble that repeats.

use std::time::Duration;

use tokio::time::Instant;

const INTERVAL: Duration = Duration::from_secs(60);

/// Says when a line may be written.
#[derive(Debug, Default)]
pub(crate) struct LogLimit {
    last: Option<Instant>,
}

impl LogLimit {
    /// Whether a line may be written now; if so, the next one may follow a minute later.
    pub(crate) fn allows(&mut self, now: Instant) -> bool {
        let allowed = self.last.is_none_or(|last| now.duration_since(last) >= INTERVAL);
        if allowed {
            self.last = Some(now);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_per_minute() {
        let start = Instant::now();
        let mut limit = LogLimit::default();
        let allowed: Vec<u64> = (0..200)
            .filter(|second| limit.allows(start + Duration::from_secs(*second)))
            .collect();
        assert_eq!(allowed, [0, 60, 120, 180]);
    }
}
