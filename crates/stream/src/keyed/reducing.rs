//! One value per key that every added one is put together with.

use super::context::KeyedContext;
use super::value::ValueState;
use crate::data::{Key, StateValue};
use crate::failure::{Result, SuppressRestarts};

/// A handle of a state with one value per key: each added value is reduced with what is there. (Flink's
/// `ReducingState`.)
///
/// Made in `open` by [`KeyedOpenContext::get_reducing_state`](super::KeyedOpenContext::get_reducing_state).
pub struct ReducingState<T> {
    value: ValueState<Option<T>>,
    function: Option<fn(T, T) -> T>,
}

impl<T> Default for ReducingState<T> {
    /// A handle that is not made yet: using it is an error.
    fn default() -> Self {
        Self {
            value: ValueState::default(),
            function: None,
        }
    }
}

impl<T> Clone for ReducingState<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for ReducingState<T> {}

impl<T: StateValue> ReducingState<T> {
    pub(super) fn new(value: ValueState<Option<T>>, function: fn(T, T) -> T) -> Self {
        Self {
            value,
            function: Some(function),
        }
    }

    /// What has been made of the values of the current key; `None` when none was added.
    ///
    /// # Errors
    ///
    /// When the state was not made in `open`, or cannot be read.
    pub fn get<K: Key>(self, ctx: &mut KeyedContext<'_, K>) -> Result<Option<T>> {
        Ok(self.value.value(ctx)?.flatten())
    }

    /// Adds a value for the current key.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    #[inline]
    pub fn add<K: Key>(self, ctx: &mut KeyedContext<'_, K>, value: T) -> Result {
        let function = self
            .function
            .ok_or_else(|| SuppressRestarts::new(super::NOT_MADE))?;
        self.value.modify(ctx, |state| {
            *state = Some(match state.take() {
                Some(earlier) => function(earlier, value),
                None => value,
            });
        })
    }

    /// Removes the value of the current key.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn clear<K: Key>(self, ctx: &mut KeyedContext<'_, K>) -> Result {
        self.value.clear(ctx)
    }
}
