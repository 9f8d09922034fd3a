//! Whether and when a failed job is restarted. The strategies are Flink's.

use std::collections::VecDeque;
use std::time::Duration;

/// `restart-strategy.type` with its keys.
#[derive(Clone, Debug, PartialEq)]
pub enum RestartStrategy {
    /// `none`: a failure ends the job.
    None,
    /// `fixed-delay`: so often, with the same pause.
    FixedDelay {
        /// `restart-strategy.fixed-delay.attempts`.
        attempts: u32,
        /// `restart-strategy.fixed-delay.delay`.
        delay: Duration,
    },
    /// `exponential-delay`: for ever, each time after a longer pause.
    ExponentialDelay {
        /// `restart-strategy.exponential-delay.initial-backoff`.
        initial_backoff: Duration,
        /// `restart-strategy.exponential-delay.max-backoff`.
        max_backoff: Duration,
        /// `restart-strategy.exponential-delay.backoff-multiplier`.
        backoff_multiplier: f64,
        /// `restart-strategy.exponential-delay.reset-backoff-threshold`: after so long without a failure the pause is
        /// the initial one again.
        reset_backoff_threshold: Duration,
    },
    /// `failure-rate`: as long as there are not too many failures in a while.
    FailureRate {
        /// `restart-strategy.failure-rate.max-failures-per-interval`.
        max_failures_per_interval: usize,
        /// `restart-strategy.failure-rate.failure-rate-interval`.
        interval: Duration,
        /// `restart-strategy.failure-rate.delay`.
        delay: Duration,
    },
}

impl RestartStrategy {
    /// Flink's default with checkpoints.
    pub fn exponential() -> Self {
        Self::ExponentialDelay {
            initial_backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(60),
            backoff_multiplier: 1.5,
            reset_backoff_threshold: Duration::from_secs(3600),
        }
    }
}

/// A strategy at work.
#[derive(Debug)]
pub(crate) struct Restarts {
    strategy: RestartStrategy,
    /// Times of failures that still count, monotonic.
    failures: VecDeque<Duration>,
    backoff: Duration,
}

impl Restarts {
    pub(crate) fn new(strategy: RestartStrategy) -> Self {
        Self {
            strategy,
            failures: VecDeque::new(),
            backoff: Duration::ZERO,
        }
    }

    /// The job failed at `now`: how long to wait before it starts again; `None`: it does not.
    pub(crate) fn after_failure(&mut self, now: Duration) -> Option<Duration> {
        let before = self.failures.back().copied();
        self.failures.push_back(now);
        match self.strategy {
            RestartStrategy::None => None,
            RestartStrategy::FixedDelay { attempts, delay } => {
                (self.failures.len() <= attempts as usize).then_some(delay)
            }
            RestartStrategy::ExponentialDelay {
                initial_backoff,
                max_backoff,
                backoff_multiplier,
                reset_backoff_threshold,
            } => {
                let is_new =
                    before.is_none_or(|before| now.saturating_sub(before) >= reset_backoff_threshold);
                let longer = self.backoff.as_secs_f64() * backoff_multiplier;
                self.backoff = if is_new {
                    initial_backoff
                } else {
                    Duration::try_from_secs_f64(longer).map_or(max_backoff, |longer| longer.min(max_backoff))
                };
                self.failures.drain(..self.failures.len() - 1);
                Some(self.backoff)
            }
            RestartStrategy::FailureRate {
                max_failures_per_interval,
                interval,
                delay,
            } => {
                while self
                    .failures
                    .front()
                    .is_some_and(|&first| now.saturating_sub(first) >= interval)
                {
                    self.failures.pop_front();
                }
                (self.failures.len() <= max_failures_per_interval).then_some(delay)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(numbers: &[u64]) -> Vec<Option<Duration>> {
        numbers
            .iter()
            .map(|&number| Some(Duration::from_secs(number)))
            .collect()
    }

    fn after(strategy: RestartStrategy, failures_at: &[u64]) -> Vec<Option<Duration>> {
        let mut restarts = Restarts::new(strategy);
        let failures = failures_at.iter();
        failures
            .map(|&at| restarts.after_failure(Duration::from_secs(at)))
            .collect()
    }

    #[test]
    fn each_strategy_restarts_as_it_says() {
        assert_eq!(after(RestartStrategy::None, &[1]), [None]);
        let fixed = RestartStrategy::FixedDelay {
            attempts: 2,
            delay: Duration::from_secs(3),
        };
        assert_eq!(after(fixed, &[1, 2, 3]), [seconds(&[3, 3]), vec![None]].concat());
        let exponential = RestartStrategy::ExponentialDelay {
            initial_backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(5),
            backoff_multiplier: 2.0,
            reset_backoff_threshold: Duration::from_secs(100),
        };
        assert_eq!(
            after(exponential, &[0, 5, 10, 15, 20, 120]),
            seconds(&[1, 2, 4, 5, 5, 1])
        );
        let rate = RestartStrategy::FailureRate {
            max_failures_per_interval: 2,
            interval: Duration::from_secs(10),
            delay: Duration::from_secs(1),
        };
        assert_eq!(
            after(rate, &[0, 9, 10, 12]),
            [seconds(&[1, 1, 1]), vec![None]].concat()
        );
    }
}
