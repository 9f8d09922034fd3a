//! How long a batch waits before it is sent again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const MAX: Duration = Duration::from_secs(5);
/// The longest wait that a destination may ask for.
const ASKED_MAX: Duration = Duration::from_secs(60);

/// The wait after failed delivery number `attempt` (from 1): what was asked for within bounds, else one that doubles.
pub(crate) fn backoff(attempt: u32, asked: Option<Duration>) -> Duration {
    if let Some(asked) = asked {
        return asked.min(ASKED_MAX);
    }
    let doublings = attempt.saturating_sub(1).min(16);
    (FIRST * 2u32.pow(doublings)).min(MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_five_seconds_unless_another_is_asked_for() {
        let millis = Duration::from_millis;
        let cases = [
            (1, None, millis(100)),
            (2, None, millis(200)),
            (3, None, millis(400)),
            (6, None, millis(3_200)),
            (7, None, millis(5_000)),
            (u32::MAX, None, millis(5_000)),
            (1, Some(millis(7)), millis(7)),
            (9, Some(millis(0)), millis(0)),
            (1, Some(millis(999_999)), millis(60_000)),
        ];
        for (attempt, asked, expected) in cases {
            assert_eq!(backoff(attempt, asked), expected, "{attempt} {asked:?}");
        }
    }
}
