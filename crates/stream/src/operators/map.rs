//! `map`: one record in, one out.

use super::OperatorFactory;
use crate::api::functions::MapFunction;
use crate::graph::{Operator, Setup};
use crate::runtime_context::RuntimeContext;
use crate::stage::{Signal, Stage};
use crate::task::TaskContext;

/// A closure.
pub(crate) struct Map<F>(pub(crate) F);

impl<T: 'static, U: 'static, F: FnMut(T) -> U + Clone + Send + 'static> OperatorFactory<T> for Map<F> {
    type Out = U;
    type Stage<N: Stage<U> + 'static> = MapStage<F, N>;

    fn make<N: Stage<U> + 'static>(&self, next: N, _: &Operator, _: &mut Setup<'_>) -> MapStage<F, N> {
        MapStage {
            function: self.0.clone(),
            next,
        }
    }
}

/// See [`Map`].
pub(crate) struct MapStage<F, N> {
    function: F,
    next: N,
}

impl<T, U, F: FnMut(T) -> U + Send, N: Stage<U>> Stage<T> for MapStage<F, N> {
    #[inline(always)]
    fn record(&mut self, record: T, task: &mut TaskContext) {
        self.next.record((self.function)(record), task);
    }

    fn signal(&mut self, signal: &mut Signal<'_>, task: &mut TaskContext) {
        self.next.signal(signal, task);
    }
}

/// A function with a start, an end and errors.
pub(crate) struct MapRich<F>(pub(crate) F);

impl<T: 'static, F: MapFunction<T>> OperatorFactory<T> for MapRich<F>
where
    F::Out: 'static,
{
    type Out = F::Out;
    type Stage<N: Stage<F::Out> + 'static> = MapRichStage<F, N>;

    fn make<N: Stage<F::Out> + 'static>(
        &self,
        next: N,
        operator: &Operator,
        setup: &mut Setup<'_>,
    ) -> MapRichStage<F, N> {
        MapRichStage {
            function: self.0.clone(),
            context: setup.runtime_context(operator),
            next,
        }
    }
}

/// See [`MapRich`].
pub(crate) struct MapRichStage<F, N> {
    function: F,
    context: RuntimeContext,
    next: N,
}

impl<T, F: MapFunction<T>, N: Stage<F::Out>> Stage<T> for MapRichStage<F, N> {
    #[inline(always)]
    fn record(&mut self, record: T, task: &mut TaskContext) {
        if task.has_failed() {
            return;
        }
        match self.function.map(record) {
            Ok(mapped) => self.next.record(mapped, task),
            Err(error) => task.fail(self.context.operator(), error),
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
