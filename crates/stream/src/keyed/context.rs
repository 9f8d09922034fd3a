//! What a keyed function sees.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

use super::KeyOf;
use super::aggregating::AggregatingState;
use super::backend::KeyedBackend;
use super::descriptor::{AggregatingStateDescriptor, ReducingStateDescriptor, ValueStateDescriptor};
use super::list::ListState;
use super::map::MapState;
use super::reducing::ReducingState;
use super::timers::{TimeDomain, Timers};
use super::value::ValueState;
use crate::api::output_tag::OutputTag;
use crate::api::window_functions::AggregateFunction;
use crate::data::{Key, StateValue};
use crate::failure::Result;
use crate::operators::side_output::SideStages;
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

    /// The state with a list per key that `descriptor` names, with what a checkpoint holds of it.
    ///
    /// # Errors
    ///
    /// As [`get_state`](Self::get_state).
    pub fn get_list_state<T: StateValue>(
        &mut self,
        descriptor: ValueStateDescriptor<Vec<T>>,
    ) -> Result<ListState<T>> {
        let lists = self.backend.value_state(descriptor)?;
        Ok(ListState { lists })
    }

    /// The state with one value per key that `descriptor` names, put together of all that is added, with what a checkpoint
    /// holds of it.
    ///
    /// # Errors
    ///
    /// As [`get_state`](Self::get_state).
    pub fn get_reducing_state<T: StateValue>(
        &mut self,
        descriptor: ReducingStateDescriptor<T>,
    ) -> Result<ReducingState<T>> {
        let ReducingStateDescriptor { value, function } = descriptor;
        Ok(ReducingState::new(self.backend.value_state(value)?, function))
    }

    /// The state with an accumulator per key that `descriptor` names, with what a checkpoint holds of it.
    ///
    /// # Errors
    ///
    /// As [`get_state`](Self::get_state).
    pub fn get_aggregating_state<T, A: AggregateFunction<T>>(
        &mut self,
        descriptor: AggregatingStateDescriptor<T, A>,
    ) -> Result<AggregatingState<T, A>> {
        let AggregatingStateDescriptor {
            accumulator,
            function,
        } = descriptor;
        let accumulator = self.backend.value_state(accumulator)?;
        Ok(AggregatingState::new(accumulator, function))
    }

    /// The state with a map per key that `descriptor` names, with what a checkpoint holds of it.
    ///
    /// # Errors
    ///
    /// As [`get_state`](Self::get_state).
    pub fn get_map_state<UK: StateValue + Ord, UV: StateValue>(
        &mut self,
        descriptor: ValueStateDescriptor<BTreeMap<UK, UV>>,
    ) -> Result<MapState<UK, UV>> {
        let maps = self.backend.map_state::<UK, UV>(descriptor)?;
        Ok(MapState { maps })
    }
}

impl Moment {
    #[inline]
    pub(crate) fn now(watermark: i64, task: &TaskContext) -> Self {
        Self {
            timestamp: task.timestamp,
            watermark,
            now_ms: task.now_ms(),
        }
    }
}

/// Given along with every record of a keyed stream.
pub struct KeyedContext<'a, K> {
    pub(super) key: &'a KeyOf<K>,
    pub(super) backend: &'a mut KeyedBackend<K>,
    timers: &'a mut Timers<K>,
    side: &'a mut SideStages,
    moment: Moment,
}

/// What time it is, in its three senses; ms since the Unix epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Of the record or timer, or [`NO_TIMESTAMP`].
    pub(crate) timestamp: i64,
    /// The last watermark.
    pub(crate) watermark: i64,
    /// The machine's clock.
    pub(crate) now_ms: i64,
}

impl<'a, K: Key> KeyedContext<'a, K> {
    #[inline]
    pub(crate) fn new(
        key: &'a KeyOf<K>,
        backend: &'a mut KeyedBackend<K>,
        timers: &'a mut Timers<K>,
        side: &'a mut SideStages,
        moment: Moment,
    ) -> Self {
        Self {
            key,
            backend,
            timers,
            side,
            moment,
        }
    }

    /// Gives a record to a side output, with the time of the record or timer that is being processed. Where nobody asked
    /// for the side output it is dropped.
    pub fn output<X: Clone + Send + 'static>(&mut self, tag: &OutputTag<X>, record: X) {
        // Nobody made a stream of it.
        self.side
            .output(tag, record, self.moment.timestamp)
            .unwrap_or_else(drop);
    }

    /// Timers of this key, and the clocks they go by.
    pub fn timer_service(&mut self) -> TimerService<'_, K> {
        TimerService {
            key: self.key,
            backend: self.backend,
            timers: self.timers,
            moment: self.moment,
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
        (self.moment.timestamp != NO_TIMESTAMP).then_some(self.moment.timestamp)
    }

    /// No record with an earlier or equal time comes any more, ms since the Unix epoch.
    pub fn current_watermark(&self) -> i64 {
        self.moment.watermark
    }

    /// The processing time, ms since the Unix epoch.
    pub fn current_processing_time(&self) -> i64 {
        self.moment.now_ms
    }
}

/// Given along with a timer: what a record of its key would be given, and which clock the timer went by.
pub struct OnTimerContext<'a, K> {
    context: KeyedContext<'a, K>,
    domain: TimeDomain,
}

impl<'a, K> OnTimerContext<'a, K> {
    pub(crate) fn new(context: KeyedContext<'a, K>, domain: TimeDomain) -> Self {
        Self { context, domain }
    }

    /// Which clock the timer went by.
    pub fn time_domain(&self) -> TimeDomain {
        self.domain
    }
}

impl<'a, K> Deref for OnTimerContext<'a, K> {
    type Target = KeyedContext<'a, K>;

    fn deref(&self) -> &Self::Target {
        &self.context
    }
}

impl<K> DerefMut for OnTimerContext<'_, K> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.context
    }
}

/// Registers timers of the current key. (Flink's `TimerService`.) Times are ms since the Unix epoch.
///
/// Timers are part of checkpoints. One of event time comes when the watermark reaches it, at the latest with the end of
/// the input; one of processing time that the end of the input comes before does not come.
pub struct TimerService<'a, K> {
    key: &'a KeyOf<K>,
    backend: &'a mut KeyedBackend<K>,
    timers: &'a mut Timers<K>,
    moment: Moment,
}

impl<K: Key> TimerService<'_, K> {
    /// No record with an earlier or equal time comes any more.
    pub fn current_watermark(&self) -> i64 {
        self.moment.watermark
    }

    /// The machine's clock.
    pub fn current_processing_time(&self) -> i64 {
        self.moment.now_ms
    }

    /// Calls `on_timer` when the watermark has reached `time`; once, however often it is registered.
    ///
    /// # Errors
    ///
    /// When state cannot be reached.
    pub fn register_event_time_timer(&mut self, time: i64) -> Result {
        self.timers
            .register(self.backend, self.key, TimeDomain::EventTime, time)
    }

    /// Calls `on_timer` when the machine's clock has reached `time`; once, however often it is registered.
    ///
    /// # Errors
    ///
    /// When state cannot be reached.
    pub fn register_processing_time_timer(&mut self, time: i64) -> Result {
        self.timers
            .register(self.backend, self.key, TimeDomain::ProcessingTime, time)
    }

    /// Forgets a timer; without one nothing happens.
    ///
    /// # Errors
    ///
    /// When state cannot be reached.
    pub fn delete_event_time_timer(&mut self, time: i64) -> Result {
        self.timers
            .delete(self.backend, self.key, TimeDomain::EventTime, time)
            .map(drop)
    }

    /// Forgets a timer; without one nothing happens.
    ///
    /// # Errors
    ///
    /// When state cannot be reached.
    pub fn delete_processing_time_timer(&mut self, time: i64) -> Result {
        self.timers
            .delete(self.backend, self.key, TimeDomain::ProcessingTime, time)
            .map(drop)
    }
}
