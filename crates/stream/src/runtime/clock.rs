//! The time of a running job: the machine's, or one that is given.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use everspan_checkpoint::Now;

/// Both clocks, from the job's start on.
#[derive(Debug)]
pub(crate) struct Clock {
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// The machine's; the moment is the job's start.
    Machine(Instant),
    Given(Mutex<Given>),
}

/// A time that stands until it is set.
#[derive(Debug)]
struct Given {
    now: Now,
    /// Monotonic.
    started_ns: u64,
    /// Who waits, and until when. There is one: whoever leads the job.
    sleeper: Option<(u64, Waker)>,
}

impl Clock {
    pub(crate) fn start() -> Arc<Self> {
        Arc::new(Self {
            source: Source::Machine(Instant::now()),
        })
    }

    /// A clock that stands at `now`.
    pub(crate) fn given(now: Now) -> Arc<Self> {
        let given = Given {
            now,
            started_ns: now.monotonic_ns,
            sleeper: None,
        };
        Arc::new(Self {
            source: Source::Given(Mutex::new(given)),
        })
    }

    /// Sets a given clock; who waits for that moment goes on.
    pub(crate) fn set(&self, now: Now) {
        let Source::Given(given) = &self.source else {
            unreachable!("only a given clock is set");
        };
        let mut given = lock(given);
        given.now = now;
        if let Some((_, waker)) = given.sleeper.take_if(|(until, _)| *until <= now.monotonic_ns) {
            waker.wake();
        }
    }

    /// Until when someone waits on a given clock.
    pub(crate) fn awaited(&self) -> Option<u64> {
        match &self.source {
            Source::Machine(_) => None,
            Source::Given(given) => lock(given).sleeper.as_ref().map(|(until, _)| *until),
        }
    }

    pub(crate) fn now(&self) -> Now {
        match &self.source {
            Source::Machine(started) => {
                let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Now {
                    wall_ns: nanoseconds(wall),
                    monotonic_ns: nanoseconds(started.elapsed()),
                }
            }
            Source::Given(given) => lock(given).now,
        }
    }

    pub(crate) fn since_start(&self) -> Duration {
        match &self.source {
            Source::Machine(started) => started.elapsed(),
            Source::Given(given) => {
                let given = lock(given);
                Duration::from_nanos(given.now.monotonic_ns - given.started_ns)
            }
        }
    }

    /// Waits until this moment of the monotonic clock.
    pub(crate) async fn until(&self, until_ns: u64) {
        match &self.source {
            Source::Machine(started) => {
                let left = Duration::from_nanos(until_ns).saturating_sub(started.elapsed());
                tokio::time::sleep(left).await;
            }
            Source::Given(given) => {
                poll_fn(|context| {
                    let mut given = lock(given);
                    if given.now.monotonic_ns >= until_ns {
                        return Poll::Ready(());
                    }
                    given.sleeper = Some((until_ns, context.waker().clone()));
                    Poll::Pending
                })
                .await;
            }
        }
    }
}

fn lock(given: &Mutex<Given>) -> MutexGuard<'_, Given> {
    given.lock().unwrap_or_else(PoisonError::into_inner)
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
