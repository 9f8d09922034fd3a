//! A thread that drives one subtask.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use everspan_checkpoint::{Report, SubtaskId};
use everspan_state::Compaction;

use super::clock::Clock;
use super::error::JobError;
use crate::exchange::Waker;
use crate::failure::Failure;
use crate::graph::Operator;
use crate::panicked::caught;
use crate::task::snapshot::Snapshot;
use crate::task::{Order, Step, Subtask, SubtaskFigures};

/// What a thread tells the run.
pub(crate) enum Said {
    /// The subtask is open.
    Opened(Report),
    /// The compactions that followed its restore have ended, and took so long.
    Compacted(Duration),
    /// Its part of a checkpoint is to be written.
    Snapshot(Snapshot),
    /// It has no more input.
    Ended,
    /// The thread has ended.
    Exited(Result<(), Failure>),
}

/// Everything a thread needs.
pub(crate) struct Fittings {
    pub(crate) id: SubtaskId,
    /// The task as a whole: who is blamed for a panic that is no operator's.
    pub(crate) task: Operator,
    pub(crate) subtask: Box<dyn Subtask>,
    pub(crate) waker: Arc<Waker>,
    pub(crate) figures: Arc<SubtaskFigures>,
    pub(crate) clock: Arc<Clock>,
    /// What is known of its start already.
    pub(crate) report: Report,
    pub(crate) tell: Box<dyn Fn(SubtaskId, Said) + Send>,
}

/// See the module.
pub(crate) struct SubtaskThread {
    thread: JoinHandle<()>,
    mailbox: Arc<Mailbox>,
    waker: Arc<Waker>,
}

/// What waits for the subtask. Orders are few: at most some per checkpoint under way.
#[derive(Default)]
struct Mailbox {
    orders: Mutex<VecDeque<Order>>,
    end: AtomicU8,
}

/// Greater than 0, with which a mailbox begins.
const FINISH: u8 = 1;
const CANCEL: u8 = 2;

impl SubtaskThread {
    pub(crate) fn spawn(fittings: Fittings) -> Result<Self, JobError> {
        let mailbox = Arc::new(Mailbox::default());
        let waker = fittings.waker.clone();
        let mut driver = Driver {
            fittings,
            mailbox: mailbox.clone(),
            created: Instant::now(),
            told_end: false,
            compactions: Vec::new(),
        };
        let run = move || {
            let task = driver.fittings.task.clone();
            let ran = caught(&task, || driver.run()).and_then(|ran| ran);
            driver.tell(Said::Exited(ran));
        };
        let thread = std::thread::Builder::new()
            .name("everspan-subtask".to_owned())
            .spawn(run)
            .map_err(JobError::Thread)?;
        Ok(Self {
            thread,
            mailbox,
            waker,
        })
    }

    pub(crate) fn order(&self, order: Order) {
        let mut orders = self.mailbox.orders.lock().unwrap_or_else(PoisonError::into_inner);
        orders.push_back(order);
        drop(orders);
        self.waker.wake();
    }

    /// The subtask ends when it has done what it was ordered.
    pub(crate) fn finish(&self) {
        self.end(FINISH);
    }

    /// The subtask ends after its current step.
    pub(crate) fn cancel(&self) {
        self.end(CANCEL);
    }

    fn end(&self, how: u8) {
        self.mailbox.end.fetch_max(how, Ordering::AcqRel);
        self.waker.wake();
    }

    pub(crate) fn join(self) {
        self.thread.join().expect("panics of a subtask are caught");
    }
}

struct Driver {
    fittings: Fittings,
    mailbox: Arc<Mailbox>,
    created: Instant,
    told_end: bool,
    /// Not over, or not told.
    compactions: Vec<Compaction>,
}

impl Driver {
    fn run(&mut self) -> Result<(), Failure> {
        self.fittings.waker.bind_to_this_thread();
        let opened = self.open();
        let ran = opened.and_then(|()| self.steps());
        let now = self.fittings.clock.now();
        ran.and(self.fittings.subtask.close(now))
    }

    fn open(&mut self) -> Result<(), Failure> {
        let mut report = std::mem::take(&mut self.fittings.report);
        report.mailbox_start = self.created.elapsed();
        let began = Instant::now();
        let opened = self.fittings.subtask.open(self.fittings.clock.now());
        report.gate_restore = self.fittings.subtask.gate_restore_time();
        let opening = began.elapsed().saturating_sub(report.gate_restore);
        report.initialize_state = opening + report.download.unwrap_or_default();
        report.restore = self.fittings.subtask.restore_time();
        self.compactions = self.fittings.subtask.take_compactions();
        report.compacts = !self.compactions.is_empty();
        report.failure = opened.as_ref().err().map(ToString::to_string);
        self.tell(Said::Opened(report));
        opened
    }

    fn steps(&mut self) -> Result<(), Failure> {
        loop {
            self.fittings.waker.take();
            let end = self.mailbox.end.load(Ordering::Acquire);
            if end == CANCEL {
                return Ok(());
            }
            self.orders()?;
            if end == FINISH {
                return Ok(());
            }
            let began = self.fittings.clock.now();
            let step = self.fittings.subtask.step(began)?;
            let after = self.fittings.clock.now();
            let took = after.monotonic_ns - began.monotonic_ns;
            self.fittings.figures.busy_ns.fetch_add(took, Ordering::Relaxed);
            self.hand_over_snapshots(Duration::from_nanos(took));
            self.tell_compactions();
            match step {
                Step::Worked => {}
                Step::Ended => {
                    if !std::mem::replace(&mut self.told_end, true) {
                        self.tell(Said::Ended);
                    }
                    self.fittings.waker.wait(None);
                }
                Step::BackPressured { until } => {
                    let most = until.map(|until| duration_until(until, after.wall_ns));
                    self.fittings.waker.wait(most);
                    let waited = self.fittings.clock.now().monotonic_ns - after.monotonic_ns;
                    let figures = &self.fittings.figures;
                    figures.back_pressured_ns.fetch_add(waited, Ordering::Relaxed);
                }
                Step::Idle { until } => {
                    let most = until.map(|until| duration_until(until, after.wall_ns));
                    self.fittings.waker.wait(most);
                }
            }
        }
    }

    fn orders(&mut self) -> Result<(), Failure> {
        loop {
            let mut orders = self.mailbox.orders.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(order) = orders.pop_front() else {
                return Ok(());
            };
            drop(orders);
            let began = self.fittings.clock.now();
            self.fittings.subtask.order(order, began)?;
            let took = self.fittings.clock.now().monotonic_ns - began.monotonic_ns;
            self.hand_over_snapshots(Duration::from_nanos(took));
        }
    }

    /// `took` is how long the work was interrupted for them.
    fn hand_over_snapshots(&mut self, took: Duration) {
        for mut snapshot in self.fittings.subtask.take_snapshots() {
            snapshot.stats.sync = took;
            self.tell(Said::Snapshot(snapshot));
        }
    }

    /// Looked at with every step: what ends while there is nothing to do is told with the next.
    fn tell_compactions(&mut self) {
        if self.compactions.is_empty() {
            return;
        }
        if let Some(took) = self.compactions.iter().map(Compaction::took).sum() {
            self.compactions.clear();
            self.tell(Said::Compacted(took));
        }
    }

    fn tell(&self, said: Said) {
        (self.fittings.tell)(self.fittings.id, said);
    }
}

fn duration_until(time_ms: i64, now_ns: u64) -> Duration {
    let until_ns = u64::try_from(time_ms).unwrap_or(0).saturating_mul(1_000_000);
    Duration::from_nanos(until_ns.saturating_sub(now_ns))
}
