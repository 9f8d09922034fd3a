//! A thread that drives one subtask.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::error::JobError;
use super::{Events, SharedClock};
use crate::exchange::Waker;
use crate::failure::Failure;
use crate::task::{Step, Subtask, SubtaskFigures};

/// A subtask has ended.
pub(crate) struct Ended {
    /// Its task and number.
    pub(crate) subtask: String,
    /// Why, unless its input ended or it was cancelled.
    pub(crate) failure: Option<Failure>,
}

/// See the module.
pub(crate) struct SubtaskThread {
    thread: JoinHandle<()>,
    waker: Arc<Waker>,
    cancelled: Arc<AtomicBool>,
}

impl SubtaskThread {
    pub(crate) fn spawn(
        name: String,
        subtask: Box<dyn Subtask>,
        waker: Arc<Waker>,
        figures: Arc<SubtaskFigures>,
        clock: SharedClock,
        events: Events,
    ) -> Result<Self, JobError> {
        let cancelled = Arc::new(AtomicBool::new(false));
        let mut driver = Driver {
            subtask,
            waker: waker.clone(),
            cancelled: cancelled.clone(),
            figures,
            clock,
        };
        let run = move || {
            driver.waker.bind_to_this_thread();
            let ran = catch_unwind(AssertUnwindSafe(|| driver.run()));
            let failure = ran
                .unwrap_or_else(|panic| Err(Failure::new("unknown", words_of(&*panic))))
                .err();
            // The job may have ended without waiting for this.
            drop(events.send(Ended {
                subtask: name,
                failure,
            }));
        };
        let thread = std::thread::Builder::new()
            .name("everspan-subtask".to_owned())
            .spawn(run)
            .map_err(JobError::Thread)?;
        Ok(Self {
            thread,
            waker,
            cancelled,
        })
    }

    /// The subtask ends after its current step.
    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        self.waker.wake();
    }

    pub(crate) fn join(self) {
        self.thread.join().expect("panics of a subtask are caught");
    }
}

struct Driver {
    subtask: Box<dyn Subtask>,
    waker: Arc<Waker>,
    cancelled: Arc<AtomicBool>,
    figures: Arc<SubtaskFigures>,
    clock: SharedClock,
}

impl Driver {
    fn run(&mut self) -> Result<(), Failure> {
        let opened = self.subtask.open(self.clock.now());
        let ran = opened.and_then(|()| self.steps());
        ran.and(self.subtask.close(self.clock.now()))
    }

    fn steps(&mut self) -> Result<(), Failure> {
        let mut now = self.clock.now();
        loop {
            self.waker.take();
            if self.cancelled.load(Ordering::Acquire) {
                return Ok(());
            }
            let step = self.subtask.step(now)?;
            let after = self.clock.now();
            let took = after.monotonic_ns - now.monotonic_ns;
            self.figures.busy_ns.fetch_add(took, Ordering::Relaxed);
            now = after;
            match step {
                Step::Worked => {}
                Step::Ended => return Ok(()),
                Step::BackPressured => {
                    self.waker.wait(None);
                    now = self.clock.now();
                    let waited = now.monotonic_ns - after.monotonic_ns;
                    self.figures
                        .back_pressured_ns
                        .fetch_add(waited, Ordering::Relaxed);
                }
                Step::Idle { until } => {
                    self.waker
                        .wait(until.map(|until| duration_until(until, after.wall_ns)));
                    now = self.clock.now();
                }
            }
        }
    }
}

fn duration_until(time_ms: i64, now_ns: u64) -> Duration {
    let until_ns = u64::try_from(time_ms).unwrap_or(0).saturating_mul(1_000_000);
    Duration::from_nanos(until_ns.saturating_sub(now_ns))
}

/// What a panic said.
fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panicked: {}", text.as_deref().unwrap_or("without words"))
}
