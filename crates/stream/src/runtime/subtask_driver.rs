//! Drives one subtask, turn by turn: orders first, then a step. Whoever calls does the waiting.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use everspan_checkpoint::{Now, Report, SubtaskId};
use everspan_state::Compaction;

use super::clock::Clock;
use super::mailbox::{Ending, Mailbox};
use super::seat::Seat;
use crate::exchange::Waker;
use crate::failure::Failure;
use crate::graph::Operator;
use crate::panicked::caught;
use crate::task::snapshot::Snapshot;
use crate::task::{Step, Subtask, SubtaskFigures};

/// What a subtask tells the run.
pub(crate) enum Said {
    /// It is open.
    Opened(Report),
    /// The compactions that followed its restore have ended, and took so long.
    Compacted(Duration),
    /// Its part of a checkpoint is to be written.
    Snapshot(Snapshot),
    /// It has no more input.
    Ended,
    /// It is not driven any more.
    Exited(Result<(), Failure>),
}

/// Everything that driving a subtask needs.
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

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// There may be more to do at once.
    Again,
    /// There is nothing to do until the subtask is woken.
    Wait {
        /// Or until this processing time, ms since the Unix epoch.
        until_ms: Option<i64>,
        /// Because a receiver has no room.
        is_back_pressured: bool,
    },
    /// The subtask is not driven any more, and has told so.
    Over,
}

/// See the module.
pub(crate) struct Driver {
    fittings: Fittings,
    mailbox: Arc<Mailbox>,
    created: Now,
    is_open: bool,
    told_end: bool,
    /// Not over, or not told.
    compactions: Vec<Compaction>,
}

impl Driver {
    pub(crate) fn new(fittings: Fittings) -> (Self, Seat) {
        let mailbox = Arc::new(Mailbox::default());
        let seat = Seat::new(mailbox.clone(), fittings.waker.clone());
        let driver = Self {
            created: fittings.clock.now(),
            fittings,
            mailbox,
            is_open: false,
            told_end: false,
            compactions: Vec::new(),
        };
        (driver, seat)
    }

    pub(crate) fn id(&self) -> SubtaskId {
        self.fittings.id
    }

    /// The task's operators.
    pub(crate) fn task(&self) -> &str {
        &self.fittings.task.name
    }

    pub(crate) fn waker(&self) -> &Waker {
        &self.fittings.waker
    }

    /// Whether orders wait for the next turn.
    pub(crate) fn has_orders(&self) -> bool {
        self.mailbox.has_orders()
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.fittings.clock
    }

    pub(crate) fn figures(&self) -> &SubtaskFigures {
        &self.fittings.figures
    }

    /// The first turn opens the subtask; none may follow [`Turn::Over`].
    pub(crate) fn turn(&mut self) -> Turn {
        let task = self.fittings.task.clone();
        let exited = match caught(&task, || self.try_turn()) {
            Ok(Ok(turn)) => return turn,
            Ok(Err(exited)) => exited,
            Err(failure) => Err(failure),
        };
        self.tell(Said::Exited(exited));
        Turn::Over
    }

    /// `Err`: how the subtask has ended.
    fn try_turn(&mut self) -> Result<Turn, Result<(), Failure>> {
        let turned = if self.is_open {
            self.orders_and_step()
        } else {
            self.is_open = true;
            self.open().map(|()| Some(Turn::Again))
        };
        let ended = match turned {
            Ok(Some(turn)) => return Ok(turn),
            Ok(None) => Ok(()),
            Err(failure) => Err(failure),
        };
        let now = self.fittings.clock.now();
        Err(ended.and(self.fittings.subtask.close(now)))
    }

    fn open(&mut self) -> Result<(), Failure> {
        let mut report = std::mem::take(&mut self.fittings.report);
        let began = self.fittings.clock.now();
        report.mailbox_start = began.since(self.created);
        let opened = self.fittings.subtask.open(began);
        report.gate_restore = self.fittings.subtask.gate_restore_time();
        let took = self.fittings.clock.now().since(began);
        let opening = took.saturating_sub(report.gate_restore);
        report.initialize_state = opening + report.download.unwrap_or_default();
        report.restore = self.fittings.subtask.restore_time();
        self.compactions = self.fittings.subtask.take_compactions();
        report.compacts = !self.compactions.is_empty();
        report.failure = opened.as_ref().err().map(ToString::to_string);
        self.tell(Said::Opened(report));
        opened
    }

    /// `None`: the subtask is to end.
    fn orders_and_step(&mut self) -> Result<Option<Turn>, Failure> {
        self.fittings.waker.take();
        // Before the orders: those that were given before the end are still done.
        let ending = self.mailbox.ending();
        if ending == Some(Ending::Cancel) {
            return Ok(None);
        }
        self.orders()?;
        if ending == Some(Ending::Finish) {
            return Ok(None);
        }
        let began = self.fittings.clock.now();
        let step = self.fittings.subtask.step(began)?;
        let took = self.fittings.clock.now().since(began);
        let busy_ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.fittings
            .figures
            .busy_ns
            .fetch_add(busy_ns, Ordering::Relaxed);
        self.hand_over_snapshots(took);
        self.tell_compactions();
        Ok(Some(self.turn_of(step)))
    }

    fn turn_of(&mut self, step: Step) -> Turn {
        let (until_ms, is_back_pressured) = match step {
            Step::Worked => return Turn::Again,
            Step::Ended { until } => {
                if !std::mem::replace(&mut self.told_end, true) {
                    self.tell(Said::Ended);
                }
                (until, false)
            }
            Step::BackPressured { until } => (until, true),
            Step::Idle { until } => (until, false),
        };
        Turn::Wait {
            until_ms,
            is_back_pressured,
        }
    }

    fn orders(&mut self) -> Result<(), Failure> {
        while let Some(order) = self.mailbox.take() {
            let began = self.fittings.clock.now();
            self.fittings.subtask.order(order, began)?;
            let took = self.fittings.clock.now().since(began);
            self.hand_over_snapshots(took);
        }
        Ok(())
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
