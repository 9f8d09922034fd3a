//! `filter`: records for which a function says yes.

use super::OperatorFactory;
use crate::graph::{Operator, Setup};
use crate::stage::{Signal, Stage};
use crate::task::TaskContext;

/// A closure.
pub(crate) struct Filter<F>(pub(crate) F);

impl<T: 'static, F: FnMut(&T) -> bool + Clone + Send + 'static> OperatorFactory<T> for Filter<F> {
    type Out = T;
    type Stage<N: Stage<T> + 'static> = FilterStage<F, N>;

    fn make<N: Stage<T> + 'static>(&self, next: N, _: &Operator, _: &mut Setup<'_>) -> FilterStage<F, N> {
        FilterStage {
            function: self.0.clone(),
            next,
        }
    }
}

/// See [`Filter`].
pub(crate) struct FilterStage<F, N> {
    function: F,
    next: N,
}

impl<T, F: FnMut(&T) -> bool + Send, N: Stage<T>> Stage<T> for FilterStage<F, N> {
    #[inline(always)]
    fn record(&mut self, record: T, task: &mut TaskContext) {
        if (self.function)(&record) {
            self.next.record(record, task);
        }
    }

    #[inline(always)]
    fn shared_record(&mut self, record: &T, task: &mut TaskContext)
    where
        T: Clone,
    {
        if (self.function)(record) {
            self.next.shared_record(record, task);
        }
    }

    fn signal(&mut self, signal: &mut Signal<'_>, task: &mut TaskContext) {
        self.next.signal(signal, task);
    }
}
