//! Side outputs: streams beside the main one, which functions choose by tag.
//!
//! A function cannot reach the stages of a side output while it holds those of the main one, so its records wait until
//! it returns. The stages are in the same chain; the one call that is not inlined is theirs.

use std::any::Any;

use crate::api::output_tag::{OutputTag, Tagged};
use crate::graph::{Setup, TaskDescription};
use crate::stage::{Signal, Stage};
use crate::task::TaskContext;

/// A side output of an operator, whose type is not known here.
pub trait SideOutput: Any + Send {
    /// Tells which operators and exchanges are behind it.
    fn describe(&self, task: &mut TaskDescription);

    /// Makes its stages.
    fn make(&self, setup: &mut Setup<'_>) -> Box<dyn SideStage>;

    /// Whether every stream that was made of it is ended.
    fn is_complete(&self) -> bool;
}

impl<X: Clone + Send + 'static> SideOutput for Tagged<X> {
    fn describe(&self, task: &mut TaskDescription) {
        self.branches.describe(task);
    }

    fn make(&self, setup: &mut Setup<'_>) -> Box<dyn SideStage> {
        Box::new(Waiting {
            tag: self.tag.clone(),
            records: Vec::new(),
            branches: self.branches.make(setup),
        })
    }

    fn is_complete(&self) -> bool {
        self.branches.are_all_attached(1)
    }
}

/// The stages of one side output.
pub trait SideStage: Any + Send {
    /// Hands on what waits.
    fn flush(&mut self, task: &mut TaskContext);

    /// Hands on a signal.
    fn signal(&mut self, signal: &mut Signal<'_>, task: &mut TaskContext);
}

/// Records of one side output on their way, each with its time.
struct Waiting<X> {
    tag: OutputTag<X>,
    /// What one call of a function made.
    records: Vec<(X, i64)>,
    branches: Vec<Box<dyn Stage<X>>>,
}

impl<X: Clone + Send + 'static> SideStage for Waiting<X> {
    fn flush(&mut self, task: &mut TaskContext) {
        let before = task.timestamp;
        for (record, timestamp) in self.records.drain(..) {
            for branch in &mut self.branches {
                task.timestamp = timestamp;
                branch.record(record.clone(), task);
            }
        }
        task.timestamp = before;
    }

    fn signal(&mut self, signal: &mut Signal<'_>, task: &mut TaskContext) {
        for branch in &mut self.branches {
            branch.signal(signal, task);
        }
    }
}

/// All side outputs of one operator of one subtask.
#[derive(Default)]
pub(crate) struct SideStages {
    stages: Vec<Box<dyn SideStage>>,
    is_waiting: bool,
}

impl SideStages {
    pub(crate) fn new(stages: Vec<Box<dyn SideStage>>) -> Self {
        Self {
            stages,
            is_waiting: false,
        }
    }

    /// Takes a record for a tag. One that nobody made a stream of takes nothing: the record comes back.
    pub(crate) fn output<X: Clone + Send + 'static>(
        &mut self,
        tag: &OutputTag<X>,
        record: X,
        timestamp: i64,
    ) -> Result<(), X> {
        for stage in &mut self.stages {
            let stage: &mut dyn Any = &mut **stage;
            if let Some(waiting) = stage.downcast_mut::<Waiting<X>>()
                && waiting.tag.is(tag)
            {
                waiting.records.push((record, timestamp));
                self.is_waiting = true;
                return Ok(());
            }
        }
        Err(record)
    }

    /// Hands on what waits.
    #[inline]
    pub(crate) fn flush(&mut self, task: &mut TaskContext) {
        if self.is_waiting {
            self.is_waiting = false;
            self.stages.iter_mut().for_each(|stage| stage.flush(task));
        }
    }

    /// Hands on what waits, then the signal.
    pub(crate) fn signal(&mut self, signal: &mut Signal<'_>, task: &mut TaskContext) {
        self.flush(task);
        self.stages
            .iter_mut()
            .for_each(|stage| stage.signal(signal, task));
    }
}
