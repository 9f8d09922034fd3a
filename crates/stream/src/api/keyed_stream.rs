//! A stream divided by a key.

use std::marker::PhantomData;

use super::functions::KeyedProcessFunction;
use super::stream::DataStream;
use super::windowed_stream::WindowedStream;
use super::windows::WindowAssigner;
use crate::data::{Key, StateValue};
use crate::graph::Chain;
use crate::operators::keyed_process::KeyedProcess;
use crate::operators::map_with_state::MapWithState;
use crate::operators::reduce::Reduce;

/// A stream of `T` whose records of one key meet in one subtask. (Flink's `KeyedStream`.)
#[must_use = "a stream without a sink does nothing"]
pub struct KeyedStream<T, K, S, B> {
    stream: DataStream<T, B>,
    selector: S,
    key: PhantomData<fn() -> K>,
}

impl<T, K, S, B> KeyedStream<T, K, S, B>
where
    T: Send + 'static,
    K: Key,
    S: Fn(&T) -> K + Clone + Send + 'static,
    B: Chain<T>,
{
    pub(crate) fn new(stream: DataStream<T, B>, selector: S) -> Self {
        Self {
            stream,
            selector,
            key: PhantomData,
        }
    }

    /// A function with state for each key.
    pub fn process<F>(self, function: F) -> DataStream<F::Out, impl Chain<F::Out>>
    where
        F: KeyedProcessFunction<K, T>,
        F::Out: 'static,
    {
        let operator = KeyedProcess::new(self.selector, function);
        self.stream.then("KeyedProcess", operator)
    }

    /// All records of a key as one, two by two; every step comes out.
    pub fn reduce<F>(self, function: F) -> DataStream<T, impl Chain<T>>
    where
        T: StateValue,
        F: FnMut(T, T) -> T + Clone + Send + 'static,
    {
        let operator = KeyedProcess::new(self.selector, Reduce::new(function));
        self.stream.then("Reduce", operator)
    }

    /// Divides the records of each key by windows.
    pub fn window<W: WindowAssigner>(self, assigner: W) -> WindowedStream<T, K, S, W, B>
    where
        T: Clone + Send,
    {
        WindowedStream::new(self.stream, self.selector, assigner)
    }

    /// A closure with one value per key, which begins as its default; `state` names it.
    pub fn map_with_state<V, U, F>(self, state: &str, function: F) -> DataStream<U, impl Chain<U>>
    where
        V: StateValue + Default,
        U: 'static,
        F: FnMut(&K, &mut V, T) -> U + Clone + Send + 'static,
    {
        let function = MapWithState::<V, F>::new(state, function);
        let operator = KeyedProcess::new(self.selector, function);
        self.stream.then("MapWithState", operator)
    }
}
