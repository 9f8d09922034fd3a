//! `flat_map`: one record in, any number out.

use super::OperatorFactory;
use crate::api::functions::FlatMapFunction;
use crate::collector::Next;
use crate::graph::{Operator, Setup};
use crate::runtime_context::RuntimeContext;
use crate::stage::{Signal, Stage};
use crate::task::TaskContext;

/// A closure that returns what comes out.
pub(crate) struct FlatMap<F>(pub(crate) F);

impl<T, I, F> OperatorFactory<T> for FlatMap<F>
where
    T: 'static,
    I: IntoIterator,
    I::Item: 'static,
    F: FnMut(T) -> I + Clone + Send + 'static,
{
    type Out = I::Item;
    type Stage<N: Stage<I::Item> + 'static> = FlatMapStage<F, N>;

    fn make<N: Stage<I::Item> + 'static>(
        &self,
        next: N,
        _: &Operator,
        _: &mut Setup<'_>,
    ) -> FlatMapStage<F, N> {
        FlatMapStage {
            function: self.0.clone(),
            next,
        }
    }
}

/// See [`FlatMap`].
pub(crate) struct FlatMapStage<F, N> {
    function: F,
    next: N,
}

impl<T, I: IntoIterator, F: FnMut(T) -> I + Send, N: Stage<I::Item>> Stage<T> for FlatMapStage<F, N> {
    #[inline]
    fn record(&mut self, record: T, task: &mut TaskContext) {
        for result in (self.function)(record) {
            self.next.record(result, task);
        }
    }

    fn signal(&mut self, signal: &mut Signal<'_>, task: &mut TaskContext) {
        self.next.signal(signal, task);
    }
}

/// A function with a start, an end and errors.
pub(crate) struct FlatMapRich<F>(pub(crate) F);

impl<T: 'static, F: FlatMapFunction<T>> OperatorFactory<T> for FlatMapRich<F>
where
    F::Out: 'static,
{
    type Out = F::Out;
    type Stage<N: Stage<F::Out> + 'static> = FlatMapRichStage<F, N>;

    fn make<N: Stage<F::Out> + 'static>(
        &self,
        next: N,
        operator: &Operator,
        setup: &mut Setup<'_>,
    ) -> FlatMapRichStage<F, N> {
        FlatMapRichStage {
            function: self.0.clone(),
            context: setup.runtime_context(operator),
            next,
        }
    }
}

/// See [`FlatMapRich`].
pub(crate) struct FlatMapRichStage<F, N> {
    function: F,
    context: RuntimeContext,
    next: N,
}

impl<T, F: FlatMapFunction<T>, N: Stage<F::Out>> Stage<T> for FlatMapRichStage<F, N> {
    #[inline]
    fn record(&mut self, record: T, task: &mut TaskContext) {
        if task.has_failed() {
            return;
        }
        let mut out = Next {
            stage: &mut self.next,
            task,
        };
        if let Err(error) = self.function.flat_map(record, &mut out) {
            task.fail(self.context.operator(), error);
        }
    }

    fn signal(&mut self, signal: &mut Signal<'_>, task: &mut TaskContext) {
        if let Signal::Close = signal
            && let Err(error) = self.function.close()
        {
            task.fail(self.context.operator(), error);
        }
        self.next.signal(signal, task);
        if let Signal::Open = signal
            && let Err(error) = self.function.open(&self.context)
        {
            task.fail(self.context.operator(), error);
        }
    }
}
