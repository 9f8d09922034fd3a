//! Streams that go on in several ways: a stream that is shared, and side outputs.
//!
//! What is in front is one nested type with all that is behind, so it can be put together only when every branch is
//! known. Branches are attached as the program ends them; what is in front waits until all are, see [`Graph::at_end`].

use std::sync::{Arc, Mutex, PoisonError};

use super::{Chain, Graph, OperatorOptions, Setup, StageFactory, TaskDescription};
use crate::stage::{Signal, Stage};
use crate::task::TaskContext;

/// A factory whose stage's type is not known.
trait AnyFactory<T>: Send {
    fn make(&self, setup: &mut Setup<'_>) -> Box<dyn Stage<T>>;
    fn describe(&self, task: &mut TaskDescription);
}

impl<T, F: StageFactory<T>> AnyFactory<T> for F {
    fn make(&self, setup: &mut Setup<'_>) -> Box<dyn Stage<T>> {
        Box::new(StageFactory::make(self, setup))
    }

    fn describe(&self, task: &mut TaskDescription) {
        StageFactory::describe(self, task);
    }
}

/// All branches of one place.
pub(crate) struct Branches<T> {
    attached: Arc<Mutex<Vec<Box<dyn AnyFactory<T>>>>>,
    /// Held by each branch that is not attached yet.
    open: Arc<()>,
}

impl<T> Clone for Branches<T> {
    fn clone(&self) -> Self {
        Self {
            attached: self.attached.clone(),
            open: self.open.clone(),
        }
    }
}

impl<T: 'static> Branches<T> {
    pub(crate) fn new() -> Self {
        Self {
            attached: Arc::default(),
            open: Arc::new(()),
        }
    }

    /// One more.
    pub(crate) fn branch(&self, parallelism: Option<usize>) -> Branch<T> {
        Branch {
            branches: self.clone(),
            operator: OperatorOptions::named("Branch"),
            parallelism,
            given: parallelism,
        }
    }

    /// Whether nobody but `holders` of this list holds it, so that no branch can come any more.
    pub(crate) fn are_all_attached(&self, holders: usize) -> bool {
        Arc::strong_count(&self.open) <= holders
    }

    pub(crate) fn describe(&self, task: &mut TaskDescription) {
        let attached = self.attached.lock().unwrap_or_else(PoisonError::into_inner);
        attached.iter().for_each(|branch| branch.describe(task));
    }

    pub(crate) fn make(&self, setup: &mut Setup<'_>) -> Vec<Box<dyn Stage<T>>> {
        let attached = self.attached.lock().unwrap_or_else(PoisonError::into_inner);
        attached.iter().map(|branch| branch.make(setup)).collect()
    }
}

/// The beginning of a branch.
pub(crate) struct Branch<T> {
    branches: Branches<T>,
    operator: OperatorOptions,
    parallelism: Option<usize>,
    /// That of what is in front.
    given: Option<usize>,
}

impl<T> Clone for Branch<T> {
    fn clone(&self) -> Self {
        Self {
            branches: self.branches.clone(),
            operator: self.operator.clone(),
            parallelism: self.parallelism,
            given: self.given,
        }
    }
}

impl<T: 'static> Chain<T> for Branch<T> {
    fn attach<N: StageFactory<T>>(self, next: N, _graph: &mut Graph) {
        assert_eq!(
            self.parallelism, self.given,
            "a branch has the parallelism of the stream it comes from: set it there, or behind rebalance()"
        );
        let mut attached = self
            .branches
            .attached
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        attached.push(Box::new(next));
    }

    fn operator(&mut self) -> &mut OperatorOptions {
        &mut self.operator
    }

    fn parallelism(&mut self) -> &mut Option<usize> {
        &mut self.parallelism
    }
}

/// The end of what is in front of a shared stream.
pub(crate) struct TeeFactory<T>(pub(crate) Branches<T>);

impl<T: Clone + 'static> StageFactory<T> for TeeFactory<T> {
    type Stage = Tee<T>;

    fn make(&self, setup: &mut Setup<'_>) -> Tee<T> {
        Tee {
            branches: self.0.make(setup),
        }
    }

    fn describe(&self, task: &mut TaskDescription) {
        self.0.describe(task);
    }
}

/// Hands every record to every branch. Costs one call that is not inlined per branch, and for all but the last a clone,
/// unless the branch begins with a filter that refuses the record.
pub(crate) struct Tee<T> {
    branches: Vec<Box<dyn Stage<T>>>,
}

impl<T: Clone> Stage<T> for Tee<T> {
    #[inline]
    fn record(&mut self, record: T, task: &mut TaskContext) {
        let Some((last, others)) = self.branches.split_last_mut() else {
            return;
        };
        let timestamp = task.timestamp;
        for branch in others {
            branch.shared_record(&record, task);
            task.timestamp = timestamp;
        }
        last.record(record, task);
    }

    fn signal(&mut self, signal: &mut Signal<'_>, task: &mut TaskContext) {
        for branch in &mut self.branches {
            branch.signal(signal, task);
        }
    }
}
