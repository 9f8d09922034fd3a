//! What a program says of a state.

use std::marker::PhantomData;

use crate::api::window_functions::AggregateFunction;

/// Names a [`ValueState`](super::ValueState) and the version of its type.
#[derive(Clone, Debug)]
pub struct ValueStateDescriptor<V> {
    pub(super) name: String,
    pub(super) version: u32,
    value: PhantomData<fn() -> V>,
}

impl<V> ValueStateDescriptor<V> {
    /// A state of this name, unique in its operator; version 1.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: 1,
            value: PhantomData,
        }
    }

    /// The version of `V`: to be counted up when its encoding changes, so that older state is refused instead of misread.
    #[must_use]
    pub fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }
}

/// Names a [`ReducingState`](super::ReducingState), and says how two values become one.
#[derive(Clone, Debug)]
pub struct ReducingStateDescriptor<T> {
    pub(super) value: ValueStateDescriptor<Option<T>>,
    pub(super) function: fn(T, T) -> T,
}

impl<T> ReducingStateDescriptor<T> {
    /// A state of this name, unique in its operator; version 1. The earlier value comes first.
    pub fn new(name: &str, function: fn(T, T) -> T) -> Self {
        Self {
            value: ValueStateDescriptor::new(name),
            function,
        }
    }

    /// As [`ValueStateDescriptor::version`].
    #[must_use]
    pub fn version(self, version: u32) -> Self {
        Self {
            value: self.value.version(version),
            ..self
        }
    }
}

/// Names an [`AggregatingState`](super::AggregatingState), and says what it keeps.
#[derive(Clone, Debug)]
pub struct AggregatingStateDescriptor<T, A: AggregateFunction<T>> {
    pub(super) accumulator: ValueStateDescriptor<Option<A::Accumulator>>,
    pub(super) function: A,
}

impl<T, A: AggregateFunction<T>> AggregatingStateDescriptor<T, A> {
    /// A state of this name, unique in its operator; version 1.
    pub fn new(name: &str, function: A) -> Self {
        Self {
            accumulator: ValueStateDescriptor::new(name),
            function,
        }
    }

    /// As [`ValueStateDescriptor::version`], of the accumulator.
    #[must_use]
    pub fn version(self, version: u32) -> Self {
        Self {
            accumulator: self.accumulator.version(version),
            ..self
        }
    }
}
