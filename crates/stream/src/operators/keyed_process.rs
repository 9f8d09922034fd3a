//! `process` of a keyed stream: a function with state for each key.

use std::marker::PhantomData;

use everspan_state::KeyGroupRange;

use super::OperatorFactory;
use super::look_ahead::Waiting;
use super::side_output::SideStages;
use crate::api::functions::KeyedProcessFunction;
use crate::collector::Next;
use crate::data::Key;
use crate::failure::{BoxError, Result};
use crate::graph::{Operator, Setup};
use crate::keyed::{
    KeyOf, KeyedBackend, KeyedContext, KeyedOpenContext, Moment, OnTimerContext, TimeDomain, Timers,
};
use crate::runtime_context::RuntimeContext;
use crate::stage::{Signal, Stage};
use crate::task::{END_WATERMARK, NO_WATERMARK, TaskContext};

/// How many timers a function may register while those of the end of the input fire. One that registers the next in each
/// would otherwise never end.
const TIMERS_AT_END_MAX: usize = 100_000;

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
    T: Send + 'static,
    K: Key,
    S: Fn(&T) -> K + Clone + Send + 'static,
    F: KeyedProcessFunction<K, T>,
    F::Out: 'static,
{
    type Out = F::Out;
    type Stage<N: Stage<F::Out> + 'static> = KeyedProcessStage<T, K, S, F, N>;

    const HAS_SIDE_OUTPUTS: bool = true;

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
            backend: KeyedBackend::new(operator, setup),
            timers: Timers::default(),
            watermark: NO_WATERMARK,
            range,
            side: setup.take_side_outputs(),
            waiting: Waiting::default(),
            looks_ahead: false,
            context: setup.runtime_context(operator),
            next,
        }
    }
}

/// See [`KeyedProcess`].
pub(crate) struct KeyedProcessStage<T, K, S, F, N> {
    selector: S,
    function: F,
    key_groups: u16,
    backend: KeyedBackend<K>,
    timers: Timers<K>,
    /// The last one that came.
    watermark: i64,
    range: KeyGroupRange,
    side: SideStages,
    waiting: Waiting<K, T>,
    looks_ahead: bool,
    context: RuntimeContext,
    next: N,
}

impl<T, K, S, F, N> Stage<T> for KeyedProcessStage<T, K, S, F, N>
where
    T: Send,
    K: Key,
    S: Fn(&T) -> K + Send,
    F: KeyedProcessFunction<K, T>,
    N: Stage<F::Out>,
{
    #[inline]
    fn record(&mut self, record: T, task: &mut TaskContext) {
        let key = KeyOf::new((self.selector)(&record), task.take_key_hash(), self.key_groups);
        if self.looks_ahead {
            self.waiting.push(key, record, task.timestamp);
            if self.waiting.is_full() {
                self.catch_up(task);
            }
        } else {
            self.process(&key, record, task);
        }
    }

    fn signal(&mut self, signal: &mut Signal<'_>, task: &mut TaskContext) {
        self.catch_up(task);
        let done = match signal {
            Signal::StepEnds => {
                self.looks_ahead = self.backend.has_large();
                self.backend.step_ends()
            }
            Signal::Close => self.function.close(),
            Signal::Watermark(watermark) => {
                self.watermark = *watermark;
                self.fire(TimeDomain::EventTime, *watermark, task)
            }
            Signal::Time(now) => self.fire(TimeDomain::ProcessingTime, *now, task),
            Signal::Barrier(pass) => self.backend.barrier(pass),
            _ => Ok(()),
        };
        self.side.signal(signal, task);
        self.next.signal(signal, task);
        let done = done.and_then(|()| match signal {
            Signal::Open => self.open(task),
            _ => Ok(()),
        });
        if let Err(error) = done {
            task.fail(self.context.operator(), error);
        }
        if let Signal::Open | Signal::Time(_) | Signal::Watermark(_) = signal {
            self.wake_for_timers(task);
        }
    }
}

impl<T, K: Key, S, F, N> KeyedProcessStage<T, K, S, F, N> {
    fn open(&mut self, task: &mut TaskContext) -> Result
    where
        F: KeyedProcessFunction<K, T>,
    {
        self.backend.open()?;
        self.timers.open(&mut self.backend, self.range)?;
        self.function.open(&mut KeyedOpenContext {
            runtime: &self.context,
            backend: &mut self.backend,
        })?;
        self.backend.opened(task)
    }

    #[inline(always)]
    fn process(&mut self, key: &KeyOf<K>, record: T, task: &mut TaskContext)
    where
        F: KeyedProcessFunction<K, T>,
        N: Stage<F::Out>,
    {
        if task.has_failed() {
            return;
        }
        let moment = Moment::now(self.watermark, task);
        let mut ctx = KeyedContext::new(key, &mut self.backend, &mut self.timers, &mut self.side, moment);
        let mut out = Next {
            stage: &mut self.next,
            task,
        };
        if let Err(error) = self.function.process_element(record, &mut ctx, &mut out) {
            task.fail(self.context.operator(), error);
        }
        self.side.flush(task);
        self.wake_for_timers(task);
    }

    /// Processes what waits, in order.
    #[inline(never)]
    fn catch_up(&mut self, task: &mut TaskContext)
    where
        F: KeyedProcessFunction<K, T>,
        N: Stage<F::Out>,
    {
        if self.waiting.is_empty() {
            return;
        }
        self.backend.touch(self.waiting.keys());
        let mut waiting = std::mem::take(&mut self.waiting);
        for (key, record, timestamp) in waiting.drain() {
            task.timestamp = timestamp;
            self.process(&key, record, task);
        }
        self.waiting = waiting;
    }

    /// Asks for the first timer of processing time.
    #[inline]
    fn wake_for_timers(&self, task: &mut TaskContext) {
        if let Some(time) = self.timers.first(TimeDomain::ProcessingTime) {
            task.wake_at(time);
        }
    }

    /// Calls the function for every timer up to `until`, in the order of their times.
    fn fire(&mut self, domain: TimeDomain, until: i64, task: &mut TaskContext) -> Result
    where
        F: KeyedProcessFunction<K, T>,
        N: Stage<F::Out>,
    {
        let mut left = self.timers.len(domain).saturating_add(TIMERS_AT_END_MAX);
        while !task.has_failed()
            && let Some((time, of)) = self.timers.take_due(&mut self.backend, domain, until)?
        {
            if until == END_WATERMARK {
                left = left.checked_sub(1).ok_or_else(endless)?;
            }
            task.timestamp = time;
            let moment = Moment::now(self.watermark, task);
            let ctx = KeyedContext::new(&of, &mut self.backend, &mut self.timers, &mut self.side, moment);
            let mut out = Next {
                stage: &mut self.next,
                task,
            };
            let mut ctx = OnTimerContext::new(ctx, domain);
            self.function.on_timer(time, &mut ctx, &mut out)?;
            self.side.flush(task);
        }
        Ok(())
    }
}

fn endless() -> BoxError {
    let words = format!(
        "on_timer has registered {TIMERS_AT_END_MAX} timers of event time after the end of the input: \
         ask current_watermark() before registering the next"
    );
    words.into()
}

#[cfg(test)]
mod tests;
