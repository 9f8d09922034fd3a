//! A subtask that begins with a source.

use std::sync::Arc;

use everspan_checkpoint::Now;
use everspan_state::Compaction;

use super::chain::Chain;
use super::context::SubtaskFigures;
use super::snapshot::{Barrier, OperatorState, Snapshot, encoded};
use super::{Order, STEP_RECORDS, Step, Subtask};
use crate::api::source::{Progress, Source, SourceReader};
use crate::collector::{Collector, Next};
use crate::failure::{BoxError, Failure, Result};
use crate::graph::Operator;
use crate::panicked::blame;
use crate::runtime_context::RuntimeContext;
use crate::stage::{Signal, Stage};

/// Drives a reader and the chain behind it.
pub(crate) struct SourceHead<X: Source, S> {
    source: X,
    /// What the subtask begins with; taken when it opens.
    splits: Option<Result<Vec<X::Split>>>,
    operator: Operator,
    context: RuntimeContext,
    /// Made when the subtask opens.
    reader: Option<X::Reader>,
    chain: Chain<S>,
    state: State,
}

/// ```text
///  Reading ── end of the input ──► Ended
///     │ barrier of a last savepoint        ▲ which was given up: Reading again
///     └──────────────────────────► Suspended
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Reading,
    /// A savepoint was taken with which the job ends.
    Suspended {
        savepoint: u64,
    },
    Ended,
}

impl<X: Source, S: Stage<X::Item>> SourceHead<X, S> {
    pub(crate) fn new(
        (source, splits): (X, Result<Vec<X::Split>>),
        operator: Operator,
        context: RuntimeContext,
        first: S,
        figures: Arc<SubtaskFigures>,
    ) -> Self {
        Self {
            source,
            splits: Some(splits),
            operator,
            context,
            reader: None,
            chain: Chain::new(first, figures),
            state: State::Reading,
        }
    }

    fn open_reader(&mut self) -> Result {
        let splits = self.splits.take().expect("a subtask is opened once")?;
        let reader = blame(&self.operator, || {
            let mut reader = self.source.reader(&self.context)?;
            reader.add_splits(splits)?;
            Ok::<_, BoxError>(reader)
        });
        self.reader = Some(reader?);
        Ok(())
    }

    fn read(&mut self) -> Step {
        let Chain { first, task, .. } = &mut self.chain;
        let mut out = Counting {
            next: Next { stage: first, task },
            records: 0,
        };
        let reader = self
            .reader
            .as_mut()
            .expect("a subtask is opened before its first step");
        let progress = blame(&self.operator, || reader.poll_next(STEP_RECORDS, &mut out));
        let records = out.records;
        self.chain.task.received(records);
        self.chain.signal(Signal::StepEnds);
        match progress {
            Ok(Progress::More) => Step::Worked,
            Ok(Progress::Later { .. }) if records > 0 => Step::Worked,
            Ok(Progress::Later { at_ms }) => {
                self.chain.flush();
                let wakeups = [at_ms, self.chain.task.next_wakeup()];
                Step::Idle {
                    until: wakeups.into_iter().flatten().min(),
                }
            }
            Ok(Progress::End) => {
                self.state = State::Ended;
                self.chain.end(true);
                Step::Worked
            }
            Err(error) => {
                self.fail(error);
                Step::Worked
            }
        }
    }

    fn begin(&mut self, barrier: Barrier) {
        let reader = self
            .reader
            .as_mut()
            .expect("a subtask is opened before its first barrier");
        let splits = match blame(&self.operator, || reader.snapshot()) {
            Ok(splits) => splits,
            Err(error) => return self.fail(error),
        };
        if barrier.terminates && self.state == State::Reading {
            self.state = State::Suspended {
                savepoint: barrier.checkpoint,
            };
        }
        let own = OperatorState {
            uid: self.operator.uid.clone(),
            list: encoded(&splits),
            keyed: None,
        };
        let now_ns = self.chain.task.now().monotonic_ns;
        self.chain.barrier(barrier, vec![own], now_ns);
    }

    fn fail(&mut self, error: BoxError) {
        self.chain.task.fail(&self.operator, error);
    }
}

impl<X: Source, S: Stage<X::Item>> Subtask for SourceHead<X, S> {
    fn open(&mut self, now: Now) -> Result<(), Failure> {
        self.chain.task.set_now(now);
        self.chain.signal(Signal::Open);
        if let Err(error) = self.open_reader() {
            self.fail(error);
        }
        self.chain.task.take_failure()
    }

    fn step(&mut self, now: Now) -> Result<Step, Failure> {
        if !self.chain.begin_step(now) {
            return Ok(self.chain.back_pressured());
        }
        let step = match self.state {
            State::Reading => self.read(),
            State::Suspended { .. } => {
                self.chain.flush();
                let until = self.chain.task.next_wakeup();
                Step::Idle { until }
            }
            State::Ended => Step::Ended {
                until: self.chain.task.next_overtaking(),
            },
        };
        self.chain.task.take_failure()?;
        Ok(step)
    }

    fn order(&mut self, order: Order, now: Now) -> Result<(), Failure> {
        self.chain.task.set_now(now);
        match order {
            Order::Begin(barrier) => self.begin(barrier),
            Order::Completed(checkpoint) => {
                if let Some(reader) = &mut self.reader
                    && let Err(error) = blame(&self.operator, || reader.completed(checkpoint))
                {
                    self.fail(error);
                }
                self.chain.signal(Signal::Completed(checkpoint));
            }
            Order::Aborted(checkpoint) => {
                if self.state
                    == (State::Suspended {
                        savepoint: checkpoint,
                    })
                {
                    self.state = State::Reading;
                }
                self.chain.signal(Signal::Aborted(checkpoint));
            }
        }
        self.chain.task.take_failure()
    }

    fn take_snapshots(&mut self) -> Vec<Snapshot> {
        self.chain.take_snapshots()
    }

    fn restore_time(&self) -> Option<std::time::Duration> {
        self.chain.task.restore_time()
    }

    fn take_compactions(&mut self) -> Vec<Compaction> {
        self.chain.task.take_compactions()
    }

    fn gate_restore_time(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }

    fn close(&mut self, now: Now) -> Result<(), Failure> {
        self.chain.close(now)
    }
}

/// Counts what a source makes.
struct Counting<C> {
    next: C,
    records: usize,
}

impl<T, C: Collector<T>> Collector<T> for Counting<C> {
    #[inline]
    fn collect(&mut self, record: T) {
        self.records += 1;
        self.next.collect(record);
    }

    #[inline]
    fn collect_with_timestamp(&mut self, record: T, timestamp: i64) {
        self.records += 1;
        self.next.collect_with_timestamp(record, timestamp);
    }
}
