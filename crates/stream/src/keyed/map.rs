//! A map of values per key.

use std::collections::BTreeMap;

use everspan_state::LsmMap;

use super::context::KeyedContext;
use super::table::on_disk;
use super::value::ValueState;
use crate::data::{Key, StateValue};
use crate::failure::Result;

/// A handle of a state with a map per key, in the order of its keys. (Flink's `MapState`.)
///
/// Made in `open` by [`KeyedOpenContext::get_map_state`](super::KeyedOpenContext::get_map_state). In memory the map of one
/// key is written to checkpoints as a whole; on disk each entry is a row of its own, read and written without the others.
pub struct MapState<UK, UV> {
    pub(super) maps: ValueState<BTreeMap<UK, UV>>,
}

impl<UK, UV> Default for MapState<UK, UV> {
    /// A handle that is not made yet: using it is an error.
    fn default() -> Self {
        Self {
            maps: ValueState::default(),
        }
    }
}

impl<UK, UV> Clone for MapState<UK, UV> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<UK, UV> Copy for MapState<UK, UV> {}

impl<UK: StateValue + Ord, UV: StateValue> MapState<UK, UV> {
    /// The maps, if they are on disk.
    fn on_disk<'c, K: Key>(
        self,
        ctx: &'c mut KeyedContext<'_, K>,
    ) -> Result<Option<&'c mut LsmMap<K, UK, UV>>> {
        let slot = self.maps.slot()?;
        Ok(ctx.backend.maps_on_disk(slot))
    }

    /// The value at `key` in the map of the current key.
    ///
    /// # Errors
    ///
    /// When the state was not made in `open`, or cannot be read.
    pub fn get<K: Key>(self, ctx: &mut KeyedContext<'_, K>, key: &UK) -> Result<Option<UV>> {
        let of = ctx.key();
        if let Some(maps) = self.on_disk(ctx)? {
            return Ok(maps.get(of.group, &of.key, key).map_err(on_disk)?.cloned());
        }
        self.maps
            .with(ctx, |map| map.and_then(|map| map.get(key)).cloned())
    }

    /// Whether there is a value at `key`.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn contains<K: Key>(self, ctx: &mut KeyedContext<'_, K>, key: &UK) -> Result<bool> {
        let of = ctx.key();
        if let Some(maps) = self.on_disk(ctx)? {
            return Ok(maps.get(of.group, &of.key, key).map_err(on_disk)?.is_some());
        }
        self.maps
            .with(ctx, |map| map.is_some_and(|map| map.contains_key(key)))
    }

    /// Sets the value at `key`.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn put<K: Key>(self, ctx: &mut KeyedContext<'_, K>, key: UK, value: UV) -> Result {
        let of = ctx.key();
        if let Some(maps) = self.on_disk(ctx)? {
            maps.put(of.group, &of.key, &key, value);
            return Ok(());
        }
        self.maps.modify(ctx, |map| map.insert(key, value)).map(drop)
    }

    /// Removes the value at `key`.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn remove<K: Key>(self, ctx: &mut KeyedContext<'_, K>, key: &UK) -> Result {
        let of = ctx.key();
        if let Some(maps) = self.on_disk(ctx)? {
            maps.delete(of.group, &of.key, key);
            return Ok(());
        }
        if !self.contains(ctx, key)? {
            return Ok(());
        }
        let is_empty = self.maps.modify(ctx, |map| {
            map.remove(key);
            map.is_empty()
        })?;
        if is_empty { self.clear(ctx) } else { Ok(()) }
    }

    /// The whole map of the current key.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn entries<K: Key>(self, ctx: &mut KeyedContext<'_, K>) -> Result<BTreeMap<UK, UV>> {
        let of = ctx.key();
        if let Some(maps) = self.on_disk(ctx)? {
            return maps.entries(of.group, &of.key).map_err(on_disk);
        }
        Ok(self.maps.value(ctx)?.unwrap_or_default())
    }

    /// Whether the map of the current key is empty.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn is_empty<K: Key>(self, ctx: &mut KeyedContext<'_, K>) -> Result<bool> {
        let of = ctx.key();
        if let Some(maps) = self.on_disk(ctx)? {
            return maps.is_empty(of.group, &of.key).map_err(on_disk);
        }
        self.maps.with(ctx, |map| map.is_none_or(BTreeMap::is_empty))
    }

    /// Removes the map of the current key.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn clear<K: Key>(self, ctx: &mut KeyedContext<'_, K>) -> Result {
        let of = ctx.key();
        if let Some(maps) = self.on_disk(ctx)? {
            return maps.clear(of.group, &of.key).map_err(on_disk);
        }
        self.maps.clear(ctx)
    }
}
