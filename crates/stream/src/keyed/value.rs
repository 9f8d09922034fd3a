//! One value per key.

use std::fmt;
use std::marker::PhantomData;

use super::context::KeyedContext;
use crate::data::{Key, StateValue};
use crate::failure::{Result, SuppressRestarts};

/// A handle of a state with one value per key. (Flink's `ValueState`.)
///
/// Made in `open` by [`KeyedOpenContext::get_state`](super::KeyedOpenContext::get_state).
pub struct ValueState<V> {
    slot: Option<usize>,
    value: PhantomData<fn() -> V>,
}

impl<V> Default for ValueState<V> {
    /// A handle that is not made yet: using it is an error.
    fn default() -> Self {
        Self {
            slot: None,
            value: PhantomData,
        }
    }
}

impl<V> Clone for ValueState<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for ValueState<V> {}

impl<V> fmt::Debug for ValueState<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ValueState").field(&self.slot).finish()
    }
}

impl<V: StateValue> ValueState<V> {
    pub(super) fn in_slot(slot: usize) -> Self {
        Self {
            slot: Some(slot),
            value: PhantomData,
        }
    }

    #[inline]
    pub(crate) fn slot(self) -> Result<usize> {
        self.slot
            .ok_or_else(|| SuppressRestarts::new(super::NOT_MADE).into())
    }

    /// The value of the current key.
    ///
    /// # Errors
    ///
    /// When the state was not made in `open`, or cannot be read.
    #[inline]
    pub fn value<K: Key>(self, ctx: &mut KeyedContext<'_, K>) -> Result<Option<V>> {
        let slot = self.slot()?;
        Ok(ctx.backend.table::<V>(slot).get(ctx.key)?.cloned())
    }

    /// Looks at the value of the current key without cloning it.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    #[inline]
    pub fn with<K: Key, R>(
        self,
        ctx: &mut KeyedContext<'_, K>,
        look: impl FnOnce(Option<&V>) -> R,
    ) -> Result<R> {
        let slot = self.slot()?;
        Ok(look(ctx.backend.table::<V>(slot).get(ctx.key)?))
    }

    /// Sets the value of the current key.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    #[inline]
    pub fn update<K: Key>(self, ctx: &mut KeyedContext<'_, K>, value: V) -> Result {
        let slot = self.slot()?;
        ctx.backend.table::<V>(slot).put(ctx.key, value);
        Ok(())
    }

    /// Changes the value of the current key in its place; one that is not there yet begins as its default. Costs one
    /// look instead of two.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    #[inline]
    pub fn modify<K: Key, R>(
        self,
        ctx: &mut KeyedContext<'_, K>,
        change: impl FnOnce(&mut V) -> R,
    ) -> Result<R>
    where
        V: Default,
    {
        let slot = self.slot()?;
        let value = ctx.backend.table::<V>(slot).entry(ctx.key, V::default)?;
        Ok(change(value))
    }

    /// Removes the value of the current key.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    pub fn clear<K: Key>(self, ctx: &mut KeyedContext<'_, K>) -> Result {
        let slot = self.slot()?;
        ctx.backend.table::<V>(slot).delete(ctx.key);
        Ok(())
    }
}
