//! Windows of a keyed stream: what came for a key within a stretch of time.

mod panes;
mod slices;

use std::marker::PhantomData;

pub use slices::Slices;

use super::OperatorFactory;
use super::look_ahead::Waiting;
use super::side_output::SideStages;
use crate::api::output_tag::OutputTag;
use crate::api::window_functions::{AggregateFunction, ProcessWindowFunction, WindowContext};
use crate::api::windows::TimeWindow;
use crate::collector::Next;
use crate::data::Key;
use crate::failure::Result;
use crate::graph::{Operator, Setup};
use crate::keyed::{KeyOf, KeyedBackend};
use crate::runtime_context::RuntimeContext;
use crate::stage::{Signal, Stage};
use crate::task::{END_WATERMARK, NO_TIMESTAMP, NO_WATERMARK, TaskContext};
use panes::{Pane, Panes, slice_and_key, slice_pane};

/// What a program says beside the windows.
pub(crate) struct WindowOptions<T> {
    /// How long a window takes records after its end.
    pub(crate) lateness_ms: i64,
    /// Where records go that are too late.
    pub(crate) late: Option<OutputTag<T>>,
}

impl<T> Default for WindowOptions<T> {
    fn default() -> Self {
        Self {
            lateness_ms: 0,
            late: None,
        }
    }
}

impl<T> Clone for WindowOptions<T> {
    fn clone(&self) -> Self {
        Self {
            lateness_ms: self.lateness_ms,
            late: self.late.clone(),
        }
    }
}

/// See the module.
pub(crate) struct Window<T, K, S, A, P> {
    selector: S,
    slices: Slices,
    options: WindowOptions<T>,
    aggregate: A,
    process: P,
    key: PhantomData<fn() -> K>,
}

impl<T, K, S, A, P> Window<T, K, S, A, P> {
    pub(crate) fn new(
        selector: S,
        slices: Slices,
        options: WindowOptions<T>,
        aggregate: A,
        process: P,
    ) -> Self {
        Self {
            selector,
            slices,
            options,
            aggregate,
            process,
            key: PhantomData,
        }
    }
}

impl<T, K, S, A, P> OperatorFactory<T> for Window<T, K, S, A, P>
where
    T: Clone + Send + 'static,
    K: Key,
    S: Fn(&T) -> K + Clone + Send + 'static,
    A: AggregateFunction<T>,
    P: ProcessWindowFunction<K, A::Out>,
    P::Out: 'static,
{
    type Out = P::Out;
    type Stage<N: Stage<P::Out> + 'static> = WindowStage<T, K, S, A, P, N>;

    const HAS_SIDE_OUTPUTS: bool = true;

    fn make<N: Stage<P::Out> + 'static>(
        &self,
        next: N,
        operator: &Operator,
        setup: &mut Setup<'_>,
    ) -> Self::Stage<N> {
        let (range, key_groups) = setup.key_groups();
        WindowStage {
            selector: self.selector.clone(),
            slices: self.slices,
            options: self.options.clone(),
            key_groups,
            panes: Panes::new(KeyedBackend::new(operator, setup), range, self.slices),
            current: None,
            waiting: Waiting::default(),
            looks_ahead: false,
            watermark: NO_WATERMARK,
            side: setup.take_side_outputs(),
            context: setup.runtime_context(operator),
            out: Results {
                aggregate: self.aggregate.clone(),
                process: self.process.clone(),
                next,
            },
        }
    }
}

/// See [`Window`].
pub(crate) struct WindowStage<T, K, S, A: AggregateFunction<T>, P, N> {
    selector: S,
    slices: Slices,
    options: WindowOptions<T>,
    key_groups: u16,
    panes: Panes<K, A::Accumulator>,
    /// The slice of the last record.
    current: Option<Current>,
    waiting: Waiting<Pane<K>, T>,
    looks_ahead: bool,
    /// The last one that came; of processing time, the last moment that is over.
    watermark: i64,
    side: SideStages,
    context: RuntimeContext,
    out: Results<A, P, N>,
}

/// A slice, with the ends of its first and last window.
#[derive(Clone, Copy, Debug)]
struct Current {
    start: i64,
    end: i64,
    first_end: i64,
    last_end: i64,
}

/// What windows hold on its way out.
struct Results<A, P, N> {
    aggregate: A,
    process: P,
    next: N,
}

impl<A, P, N> Results<A, P, N> {
    fn emit<T, K>(
        &mut self,
        key: &K,
        accumulator: A::Accumulator,
        window: TimeWindow,
        watermark: i64,
        task: &mut TaskContext,
    ) -> Result
    where
        A: AggregateFunction<T>,
        P: ProcessWindowFunction<K, A::Out>,
        N: Stage<P::Out>,
    {
        let context = WindowContext {
            window,
            watermark,
            now_ms: task.now_ms(),
        };
        task.timestamp = window.max_timestamp();
        let mut out = Next {
            stage: &mut self.next,
            task,
        };
        let result = self.aggregate.get_result(accumulator);
        self.process.process(key, &context, result, &mut out)
    }
}

impl<T, K, S, A, P, N> Stage<T> for WindowStage<T, K, S, A, P, N>
where
    T: Clone + Send + 'static,
    K: Key,
    S: Fn(&T) -> K + Send,
    A: AggregateFunction<T>,
    P: ProcessWindowFunction<K, A::Out>,
    N: Stage<P::Out>,
{
    #[inline]
    fn record(&mut self, record: T, task: &mut TaskContext) {
        if task.has_failed() {
            return;
        }
        let done = self.pane_of(&record, task).and_then(|pane| match pane {
            None => Ok(()),
            Some(pane) if self.looks_ahead => {
                self.waiting.push(pane, record, task.timestamp);
                if self.waiting.is_full() {
                    self.catch_up(task)
                } else {
                    Ok(())
                }
            }
            Some(pane) => self.add(&pane, record, task),
        });
        if let Err(error) = done {
            task.fail(self.context.operator(), error);
        }
    }

    fn signal(&mut self, signal: &mut Signal<'_>, task: &mut TaskContext) {
        let caught_up = self.catch_up(task);
        let done = match signal {
            Signal::Close => self.out.process.close(),
            Signal::Watermark(watermark) if self.slices.is_event_time() || *watermark == END_WATERMARK => {
                self.advance(*watermark, task)
            }
            Signal::Time(now) if !self.slices.is_event_time() => self.advance(*now - 1, task),
            Signal::Barrier(pass) => self.panes.backend.barrier(pass),
            Signal::StepEnds => {
                self.looks_ahead = self.panes.backend.has_large();
                self.panes.backend.step_ends()
            }
            _ => Ok(()),
        };
        let done = caught_up.and(done);
        self.side.signal(signal, task);
        self.out.next.signal(signal, task);
        let done = done.and_then(|()| match signal {
            Signal::Open => self.open(task),
            _ => Ok(()),
        });
        if let Err(error) = done {
            task.fail(self.context.operator(), error);
        }
        if let Signal::Open | Signal::Time(_) = signal {
            self.wake(task);
        }
    }
}

impl<T, K, S, A, P, N> WindowStage<T, K, S, A, P, N>
where
    T: Clone + Send + 'static,
    K: Key,
    S: Fn(&T) -> K + Send,
    A: AggregateFunction<T>,
    P: ProcessWindowFunction<K, A::Out>,
    N: Stage<P::Out>,
{
    fn open(&mut self, task: &mut TaskContext) -> Result {
        self.panes.backend.open()?;
        self.panes.open()?;
        self.panes.backend.opened(task)?;
        self.out.process.open(&self.context)
    }

    /// The row of a record; none for what comes between two windows.
    #[inline]
    fn pane_of(&mut self, record: &T, task: &mut TaskContext) -> Result<Option<KeyOf<Pane<K>>>> {
        let key_hash = task.take_key_hash();
        let time = if self.slices.is_event_time() {
            task.timestamp
        } else {
            task.now_ms()
        };
        let Some(slice) = self.slice_at(time)? else {
            return Ok(None);
        };
        let of = KeyOf::new((self.selector)(record), key_hash, self.key_groups);
        Ok(Some(slice_pane(slice.start, &of)))
    }

    #[inline]
    fn slice_at(&mut self, time: i64) -> Result<Option<Current>> {
        match self.current {
            Some(current) if (current.start..current.end).contains(&time) => Ok(Some(current)),
            _ => self.enter(time),
        }
    }

    /// Adds the records that wait, in order.
    #[inline(never)]
    fn catch_up(&mut self, task: &mut TaskContext) -> Result {
        if self.waiting.is_empty() {
            return Ok(());
        }
        self.panes.backend.touch(self.waiting.keys());
        let mut waiting = std::mem::take(&mut self.waiting);
        for (pane, record, timestamp) in waiting.drain() {
            task.timestamp = timestamp;
            self.add(&pane, record, task)?;
        }
        self.waiting = waiting;
        Ok(())
    }

    #[inline]
    fn add(&mut self, pane: &KeyOf<Pane<K>>, record: T, task: &mut TaskContext) -> Result {
        let Pane::Slice(slice, _) = pane.key else {
            unreachable!("records are added to slices");
        };
        let current = self.slice_at(slice)?.expect("a slice with a row is in a window");
        let passed = self.watermark.max(self.panes.fired_until(pane.group));
        if current.last_end - 1 <= passed.saturating_sub(self.options.lateness_ms) {
            self.late(record, task);
            return Ok(());
        }
        let aggregate = &self.out.aggregate;
        let create = || aggregate.create_accumulator();
        let row = self.panes.row(pane, self.watermark, create)?;
        aggregate.add(record, row);
        if current.first_end - 1 <= passed {
            let (_, of) = slice_and_key(pane);
            self.come_again(&of, current.start, passed, task)?;
        } else if !self.slices.is_event_time() {
            self.wake(task);
        }
        Ok(())
    }

    /// Goes to the slice of a time; `None` if it is in no window.
    #[cold]
    fn enter(&mut self, time: i64) -> Result<Option<Current>> {
        let start = self.slices.slice_of(time).ok_or_else(|| no_time(time))?;
        self.current = self.slices.last_end(start).map(|last_end| Current {
            start,
            end: start + self.slices.width(),
            first_end: self.slices.ends(start).next().unwrap_or(last_end),
            last_end,
        });
        Ok(self.current)
    }

    #[cold]
    fn late(&mut self, record: T, task: &mut TaskContext) {
        let dropped = match &self.options.late {
            Some(tag) => self.side.output(tag, record, task.timestamp).is_err(),
            None => true,
        };
        if dropped {
            task.drop_late();
        }
        self.side.flush(task);
    }

    /// The windows of a slice that have come out already do so again for one key.
    #[cold]
    fn come_again(&mut self, of: &KeyOf<K>, slice: i64, passed: i64, task: &mut TaskContext) -> Result {
        let before = task.timestamp;
        let oldest = passed.saturating_sub(self.options.lateness_ms);
        let ends = self.slices.ends(slice);
        for end in ends.filter(|end| end - 1 <= passed && end - 1 > oldest) {
            let start = end - self.slices.size();
            let mut all = None;
            let mut slice = start;
            while slice < end {
                match (&mut all, self.panes.get(slice, of)?) {
                    (None, found) => all = found,
                    (Some(all), Some(later)) => self.out.aggregate.merge(all, later),
                    (Some(_), None) => {}
                }
                slice += self.slices.width();
            }
            if let Some(all) = all {
                let window = TimeWindow { start, end };
                self.out.emit(&of.key, all, window, self.watermark, task)?;
            }
        }
        task.timestamp = before;
        Ok(())
    }

    /// Time has come so far: the windows that are due come out, those that are too old are dropped.
    fn advance(&mut self, watermark: i64, task: &mut TaskContext) -> Result {
        self.watermark = watermark.max(self.watermark);
        while let Some(end) = self.panes.take_due(self.watermark) {
            self.fire(end, task)?;
            self.panes.set_fired(end)?;
        }
        let oldest = self.watermark.saturating_sub(self.options.lateness_ms);
        let slices = self.slices;
        self.panes
            .expire(|slice| slices.last_end(slice).is_none_or(|end| end - 1 <= oldest))
    }

    fn fire(&mut self, end: i64, task: &mut TaskContext) -> Result {
        let window = TimeWindow {
            start: end - self.slices.size(),
            end,
        };
        let (slices, lateness_ms) = (self.slices, self.options.lateness_ms);
        let keeps = |slice| lateness_ms > 0 || slices.last_end(slice) != Some(end);
        let aggregate = &self.out.aggregate;
        let merged = self
            .panes
            .merged(end, |all, later| aggregate.merge(all, later), keeps)?;
        for (of, accumulator) in merged {
            if task.has_failed() {
                break;
            }
            self.out
                .emit(&of.key, accumulator, window, self.watermark, task)?;
        }
        Ok(())
    }

    /// Windows of processing time come out by the clock.
    fn wake(&self, task: &mut TaskContext) {
        if !self.slices.is_event_time()
            && let Some(end) = self.panes.next_end()
        {
            task.wake_at(end);
        }
    }
}

fn no_time(time: i64) -> String {
    if time == NO_TIMESTAMP {
        "a record without a time came to an event-time window: call assign_timestamps_and_watermarks before it".to_owned()
    } else {
        format!("the time {time} of a record is too far away to be in a window")
    }
}

#[cfg(test)]
mod tests;
