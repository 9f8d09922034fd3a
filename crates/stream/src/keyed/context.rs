//! What a keyed function sees.

use super::KeyOf;
use super::backend::KeyedBackend;
use super::descriptor::ValueStateDescriptor;
use super::value::ValueState;
use crate::data::{Key, StateValue};
use crate::failure::Result;
use crate::runtime_context::RuntimeContext;
use crate::task::{NO_TIMESTAMP, TaskContext};

/// Given to `open`: makes state.
pub struct KeyedOpenContext<'a, K> {
    pub(crate) runtime: &'a RuntimeContext,
    pub(crate) backend: &'a mut KeyedBackend<K>,
}

impl<K: Key> KeyedOpenContext<'_, K> {
    /// Where the function runs.
    pub fn runtime_context(&self) -> &RuntimeContext {
        self.runtime
    }

    /// The state that `descriptor` names, with what a checkpoint holds of it.
    ///
    /// # Errors
    ///
    /// When the name is taken, or the checkpoint holds another type.
    pub fn get_state<V: StateValue>(&mut self, descriptor: ValueStateDescriptor<V>) -> Result<ValueState<V>> {
        self.backend.value_state(descriptor)
    }
}

/// Given along with every record of a keyed stream.
pub struct KeyedContext<'a, K> {
    pub(super) key: &'a KeyOf<K>,
    pub(super) backend: &'a mut KeyedBackend<K>,
    timestamp: i64,
    watermark: i64,
    now_ms: i64,
}

impl<'a, K: Key> KeyedContext<'a, K> {
    #[inline]
    pub(crate) fn new(key: &'a KeyOf<K>, backend: &'a mut KeyedBackend<K>, task: &TaskContext) -> Self {
        Self {
            key,
            backend,
            timestamp: task.timestamp,
            watermark: task.watermark(),
            now_ms: task.now_ms(),
        }
    }

    /// The key, to be held while state is changed.
    pub(crate) fn key(&self) -> &'a KeyOf<K> {
        self.key
    }

    /// The key of the record.
    pub fn current_key(&self) -> &K {
        &self.key.key
    }

    /// The time of the record, ms since the Unix epoch, if it has one.
    pub fn timestamp(&self) -> Option<i64> {
        (self.timestamp != NO_TIMESTAMP).then_some(self.timestamp)
    }

    /// No record with an earlier or equal time comes any more, ms since the Unix epoch.
    pub fn current_watermark(&self) -> i64 {
        self.watermark
    }

    /// The processing time, ms since the Unix epoch.
    pub fn current_processing_time(&self) -> i64 {
        self.now_ms
    }
}
