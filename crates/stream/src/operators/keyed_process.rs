//! `process` of a keyed stream: a function with state for each key.

use std::marker::PhantomData;

use super::OperatorFactory;
use crate::api::functions::KeyedProcessFunction;
use crate::collector::Next;
use crate::data::Key;
use crate::graph::{Operator, Setup};
use crate::keyed::{KeyOf, KeyedBackend, KeyedContext, KeyedOpenContext};
use crate::runtime_context::RuntimeContext;
use crate::stage::{Signal, Stage};
use crate::task::TaskContext;

/// A function over the records of a keyed stream.
pub(crate) struct KeyedProcess<K, S, F> {
    selector: S,
    function: F,
    key: PhantomData<fn() -> K>,
}

impl<K, S, F> KeyedProcess<K, S, F> {
    pub(crate) fn new(selector: S, function: F) -> Self {
        Self {
            selector,
            function,
            key: PhantomData,
        }
    }
}

impl<T, K, S, F> OperatorFactory<T> for KeyedProcess<K, S, F>
where
    T: 'static,
    K: Key,
    S: Fn(&T) -> K + Clone + Send + 'static,
    F: KeyedProcessFunction<K, T>,
    F::Out: 'static,
{
    type Out = F::Out;
    type Stage<N: Stage<F::Out> + 'static> = KeyedProcessStage<K, S, F, N>;

    fn make<N: Stage<F::Out> + 'static>(
        &self,
        next: N,
        operator: &Operator,
        setup: &mut Setup<'_>,
    ) -> Self::Stage<N> {
        let (range, key_groups) = setup.key_groups();
        KeyedProcessStage {
            selector: self.selector.clone(),
            function: self.function.clone(),
            key_groups,
            backend: KeyedBackend::new(range),
            context: setup.runtime_context(operator),
            next,
        }
    }
}

/// See [`KeyedProcess`].
pub(crate) struct KeyedProcessStage<K, S, F, N> {
    selector: S,
    function: F,
    key_groups: u16,
    backend: KeyedBackend<K>,
    context: RuntimeContext,
    next: N,
}

impl<T, K, S, F, N> Stage<T> for KeyedProcessStage<K, S, F, N>
where
    K: Key,
    S: Fn(&T) -> K + Send,
    F: KeyedProcessFunction<K, T>,
    N: Stage<F::Out>,
{
    #[inline]
    fn record(&mut self, record: T, task: &mut TaskContext) {
        if task.has_failed() {
            return;
        }
        let key = KeyOf::new((self.selector)(&record), self.key_groups);
        let mut ctx = KeyedContext::new(&key, &mut self.backend, task);
        let mut out = Next {
            stage: &mut self.next,
            task,
        };
        if let Err(error) = self.function.process_element(record, &mut ctx, &mut out) {
            task.fail(self.context.operator_name(), error);
        }
    }

    fn signal(&mut self, signal: &mut Signal<'_>, task: &mut TaskContext) {
        if let Signal::Close = signal
            && let Err(error) = self.function.close()
        {
            task.fail(self.context.operator_name(), error);
        }
        self.next.signal(signal, task);
        if let Signal::Open = signal {
            let mut open = KeyedOpenContext {
                runtime: &self.context,
                backend: &mut self.backend,
            };
            if let Err(error) = self.function.open(&mut open) {
                task.fail(self.context.operator_name(), error);
            }
        }
    }
}
