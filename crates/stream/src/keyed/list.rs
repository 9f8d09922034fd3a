//! A list of values per key.

use super::context::KeyedContext;
use super::value::ValueState;
use crate::data::{Key, StateValue};
use crate::failure::Result;

/// A handle of a state with a list of values per key. (Flink's `ListState`.)
///
/// Made in `open` by [`KeyedOpenContext::get_list_state`](super::KeyedOpenContext::get_list_state).
pub struct ListState<T> {
    pub(super) lists: ValueState<Vec<T>>,
}

impl<T> Default for ListState<T> {
    /// A handle that is not made yet: using it is an error.
    fn default() -> Self {
        Self {
            lists: ValueState::default(),
        }
    }
}

impl<T> Clone for ListState<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for ListState<T> {}

impl<T: StateValue> ListState<T> {
    /// The values of the current key, in the order in which they were added.
    ///
    /// # Errors
    ///
    /// When the state was not made in `open`, or cannot be read.
    pub fn get<K: Key>(self, ctx: &mut KeyedContext<'_, K>) -> Result<Vec<T>> {
        Ok(self.lists.value(ctx)?.unwrap_or_default())
    }

    /// Adds a value for the current key.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn add<K: Key>(self, ctx: &mut KeyedContext<'_, K>, value: T) -> Result {
        self.lists.modify(ctx, |list| list.push(value))
    }

    /// Adds values for the current key.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn add_all<K: Key>(
        self,
        ctx: &mut KeyedContext<'_, K>,
        values: impl IntoIterator<Item = T>,
    ) -> Result {
        self.lists.modify(ctx, |list| list.extend(values))
    }

    /// Sets the values of the current key. Without any, nothing is kept for it.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn update<K: Key>(self, ctx: &mut KeyedContext<'_, K>, values: Vec<T>) -> Result {
        if values.is_empty() {
            return self.clear(ctx);
        }
        self.lists.update(ctx, values)
    }

    /// Removes the values of the current key.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn clear<K: Key>(self, ctx: &mut KeyedContext<'_, K>) -> Result {
        self.lists.clear(ctx)
    }
}
