//! One accumulator per key, to which values are added.

use super::context::KeyedContext;
use super::value::ValueState;
use crate::api::window_functions::AggregateFunction;
use crate::data::{Key, StateValue};
use crate::failure::{Result, SuppressRestarts};

/// A handle of a state with one accumulator per key: what is added may be of another type than what comes out. (Flink's
/// `AggregatingState`.)
///
/// Made in `open` by [`KeyedOpenContext::get_aggregating_state`](super::KeyedOpenContext::get_aggregating_state).
pub struct AggregatingState<T, A: AggregateFunction<T>> {
    accumulator: ValueState<Option<A::Accumulator>>,
    function: Option<A>,
}

impl<T, A: AggregateFunction<T>> Default for AggregatingState<T, A> {
    /// A handle that is not made yet: using it is an error.
    fn default() -> Self {
        Self {
            accumulator: ValueState::default(),
            function: None,
        }
    }
}

impl<T, A: AggregateFunction<T>> Clone for AggregatingState<T, A> {
    fn clone(&self) -> Self {
        Self {
            accumulator: self.accumulator,
            function: self.function.clone(),
        }
    }
}

impl<T, A: AggregateFunction<T>> AggregatingState<T, A>
where
    A::Accumulator: StateValue,
{
    pub(super) fn new(accumulator: ValueState<Option<A::Accumulator>>, function: A) -> Self {
        Self {
            accumulator,
            function: Some(function),
        }
    }

    fn function(&self) -> Result<&A> {
        let function = self.function.as_ref();
        function.ok_or_else(|| SuppressRestarts::new(super::NOT_MADE).into())
    }

    /// What comes out of the values that were added for the current key; `None` when none was.
    ///
    /// # Errors
    ///
    /// When the state was not made in `open`, or cannot be read.
    pub fn get<K: Key>(&self, ctx: &mut KeyedContext<'_, K>) -> Result<Option<A::Out>> {
        let function = self.function()?;
        let accumulator = self.accumulator.value(ctx)?.flatten();
        Ok(accumulator.map(|accumulator| function.get_result(accumulator)))
    }

    /// Adds a value for the current key.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    #[inline]
    pub fn add<K: Key>(&self, ctx: &mut KeyedContext<'_, K>, value: T) -> Result {
        let function = self.function()?;
        self.accumulator.modify(ctx, |state| {
            let accumulator = state.get_or_insert_with(|| function.create_accumulator());
            function.add(value, accumulator);
        })
    }

    /// Removes the accumulator of the current key.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn clear<K: Key>(&self, ctx: &mut KeyedContext<'_, K>) -> Result {
        self.accumulator.clear(ctx)
    }
}
