//! When a failed attempt is tried again, and how long things are kept.

use borsh::{BorshDeserialize, BorshSerialize};
use everspan_protocol::ids::InvocationId;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// What happens when the attempts are used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum OnMaxAttempts {
    /// The invocation stays, and goes on when an operator resumes it.
    Pause = 0,
    /// The invocation ends with the last error.
    Kill = 1,
}

/// The retry policy of one invocation, fixed by its handler, its service or the server, in this order.
#[derive(Clone, Debug, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct RetryPolicy {
    /// Delay before the second attempt, ms.
    pub initial_interval_ms: u64,
    /// Each delay is the one before times this.
    pub factor: f64,
    /// No delay is longer, ms.
    pub max_interval_ms: u64,
    /// Attempts without progress, the first included; `None` = no limit.
    pub max_attempts: Option<u32>,
    /// What then.
    pub on_max_attempts: OnMaxAttempts,
}

impl Default for RetryPolicy {
    /// The documented defaults of the service protocol's runtime.
    fn default() -> Self {
        Self {
            initial_interval_ms: 500,
            factor: 2.0,
            max_interval_ms: 60_000,
            max_attempts: Some(70),
            on_max_attempts: OnMaxAttempts::Pause,
        }
    }
}

/// The answer of a policy to one more failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Try again after this many ms.
    RetryAfter(u64),
    /// Stop trying, keep the invocation.
    Pause,
    /// Stop trying, end the invocation.
    Kill,
}

impl RetryPolicy {
    /// Decides after the `failures`-th failure (from 1) without progress. Jitter of up to 30 % is added, worked
    /// out from the invocation, so that a replay decides alike.
    pub fn after_failure(&self, failures: u32, id: &InvocationId) -> Verdict {
        if self.max_attempts.is_some_and(|max| failures >= max) {
            return match self.on_max_attempts {
                OnMaxAttempts::Pause => Verdict::Pause,
                OnMaxAttempts::Kill => Verdict::Kill,
            };
        }
        let exponent = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
        let grown = to_ms(self.initial_interval_ms as f64 * self.factor.max(1.0).powi(exponent));
        let interval = grown.min(self.max_interval_ms);
        let jitter = xxh3_64_with_seed(id.as_bytes(), u64::from(failures)) % 1000;
        Verdict::RetryAfter(
            interval.saturating_add(interval / 10_000 * 3 * jitter + interval % 10_000 * 3 * jitter / 10_000),
        )
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float too large becomes u64::MAX, which the maximum caps"
)]
fn to_ms(value: f64) -> u64 {
    value as u64
}

/// How long an ended invocation is kept, ms; 0 = not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Retention {
    /// The outcome, for those who ask again.
    pub completion_ms: u64,
    /// The journal, for those who look.
    pub journal_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> InvocationId {
        InvocationId::from_parts(7, [9; 16])
    }

    fn base(failures: u32) -> u64 {
        match RetryPolicy::default().after_failure(failures, &id()) {
            Verdict::RetryAfter(ms) => ms,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn delays_double_up_to_the_maximum_with_at_most_thirty_percent_on_top() {
        for (failures, expected) in [(1, 500), (2, 1000), (3, 2000), (8, 60_000), (69, 60_000)] {
            let ms = base(failures);
            assert!((expected..=expected * 13 / 10).contains(&ms), "{failures}: {ms}");
        }
    }

    #[test]
    fn the_last_attempt_pauses_or_kills() {
        let mut policy = RetryPolicy {
            max_attempts: Some(2),
            ..RetryPolicy::default()
        };
        assert!(matches!(policy.after_failure(1, &id()), Verdict::RetryAfter(_)));
        assert_eq!(policy.after_failure(2, &id()), Verdict::Pause);
        policy.on_max_attempts = OnMaxAttempts::Kill;
        assert_eq!(policy.after_failure(2, &id()), Verdict::Kill);
        policy.max_attempts = None;
        assert!(matches!(
            policy.after_failure(u32::MAX, &id()),
            Verdict::RetryAfter(_)
        ));
    }
}
