//! A subtask that begins with a source.

use std::sync::Arc;

use everspan_checkpoint::Now;

use super::context::SubtaskFigures;
use super::snapshot::{Barrier, BarrierPass, OperatorState, Snapshot};
use super::{END_WATERMARK, Order, STEP_RECORDS, Step, Subtask, TaskContext};
use crate::api::source::{Progress, Source, SourceReader};
use crate::collector::{Collector, Next};
use crate::failure::{Failure, Result};
use crate::graph::Operator;
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
    chain: S,
    task: TaskContext,
    state: State,
    snapshots: Vec<Snapshot>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Reading,
    Ended,
}

impl<X: Source, S: Stage<X::Item>> SourceHead<X, S> {
    pub(crate) fn new(
        (source, splits): (X, Result<Vec<X::Split>>),
        operator: Operator,
        context: RuntimeContext,
        chain: S,
        figures: Arc<SubtaskFigures>,
    ) -> Self {
        Self {
            source,
            splits: Some(splits),
            operator,
            context,
            reader: None,
            chain,
            task: TaskContext::new(figures),
            state: State::Reading,
            snapshots: Vec::new(),
        }
    }

    fn signal(&mut self, mut signal: Signal<'_>) {
        self.chain.signal(&mut signal, &mut self.task);
    }

    fn read(&mut self) -> Step {
        let mut out = Counting {
            next: Next {
                stage: &mut self.chain,
                task: &mut self.task,
            },
            records: 0,
        };
        let reader = self
            .reader
            .as_mut()
            .expect("a subtask is opened before its first step");
        let progress = reader.poll_next(STEP_RECORDS, &mut out);
        let records = out.records;
        self.task.received(records);
        match progress {
            Ok(Progress::More) => Step::Worked,
            Ok(Progress::Later { .. }) if records > 0 => Step::Worked,
            Ok(Progress::Later { at_ms }) => {
                self.signal(Signal::Flush);
                let wakeups = [at_ms, self.task.next_wakeup()];
                Step::Idle {
                    until: wakeups.into_iter().flatten().min(),
                }
            }
            Ok(Progress::End) => {
                self.end(true);
                Step::Worked
            }
            Err(error) => {
                self.task.fail(&self.operator.name, error);
                Step::Worked
            }
        }
    }

    fn end(&mut self, drain: bool) {
        if self.state == State::Ended {
            return;
        }
        self.state = State::Ended;
        if drain {
            self.task.set_watermark(END_WATERMARK);
            self.signal(Signal::Watermark(END_WATERMARK));
        }
        self.signal(Signal::End);
    }

    fn begin(&mut self, barrier: Barrier) {
        let now = self.task.now();
        let reader = self
            .reader
            .as_mut()
            .expect("a subtask is opened before its first barrier");
        let list = match reader.snapshot() {
            Ok(list) => list,
            Err(error) => return self.task.fail(&self.operator.name, error),
        };
        let encoded = list
            .iter()
            .map(|split| borsh::to_vec(split).expect("writing to memory does not fail"));
        let mut pass = BarrierPass {
            parts: vec![OperatorState {
                uid: self.operator.uid.to_string(),
                list: encoded.collect(),
            }],
            barrier,
        };
        self.signal(Signal::Barrier(&mut pass));
        let since = now.monotonic_ns.saturating_sub(pass.barrier.triggered_ns);
        self.snapshots.push(Snapshot {
            checkpoint: pass.barrier.checkpoint,
            parts: pass.parts,
            stats: everspan_checkpoint::SubtaskStats {
                start_delay: std::time::Duration::from_nanos(since),
                ..Default::default()
            },
        });
    }
}

impl<X: Source, S: Stage<X::Item>> Subtask for SourceHead<X, S> {
    fn open(&mut self, now: Now) -> Result<(), Failure> {
        self.task.set_now(now);
        self.signal(Signal::Open);
        let splits = self.splits.take().expect("a subtask is opened once");
        let reader = splits.and_then(|splits| {
            let mut reader = self.source.reader(&self.context)?;
            reader.add_splits(splits)?;
            Ok(reader)
        });
        match reader {
            Ok(reader) => self.reader = Some(reader),
            Err(error) => self.task.fail(&self.operator.name, error),
        }
        self.task.take_failure()
    }

    fn step(&mut self, now: Now) -> Result<Step, Failure> {
        self.task.set_now(now);
        if self.task.is_blocked() {
            self.task.unblock();
            self.signal(Signal::Drain);
            if self.task.is_blocked() {
                return Ok(Step::BackPressured);
            }
        }
        if let Some(time) = self.task.take_due() {
            self.signal(Signal::Time(time));
        }
        let step = match self.state {
            State::Reading => self.read(),
            State::Ended => Step::Ended,
        };
        self.task.take_failure()?;
        Ok(step)
    }

    fn order(&mut self, order: Order, now: Now) -> Result<(), Failure> {
        self.task.set_now(now);
        match order {
            Order::Begin(barrier) => self.begin(barrier),
            Order::Completed(checkpoint) => {
                if let Some(reader) = &mut self.reader
                    && let Err(error) = reader.completed(checkpoint)
                {
                    self.task.fail(&self.operator.name, error);
                }
                self.signal(Signal::Completed(checkpoint));
            }
            Order::Aborted(checkpoint) => self.signal(Signal::Aborted(checkpoint)),
            Order::Stop { drain } => self.end(drain),
        }
        self.task.take_failure()
    }

    fn take_snapshots(&mut self) -> Vec<Snapshot> {
        std::mem::take(&mut self.snapshots)
    }

    fn close(&mut self, now: Now) -> Result<(), Failure> {
        self.task.set_now(now);
        self.signal(Signal::Close);
        self.task.take_failure()
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
