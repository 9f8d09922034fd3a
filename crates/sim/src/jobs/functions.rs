//! The functions of the jobs. What they believe of what they are given is checked as they go.

use std::sync::Arc;

use everspan_stream::{
    Collector, KeyedContext, KeyedOpenContext, KeyedProcessFunction, ListState, MapFunction, MapState,
    OnTimerContext, OutputTag, Result, TimeDomain, ValueState, ValueStateDescriptor,
};

use super::outside::Outside;
use super::plan::{Event, Out, SIZE_MS};

/// The last moment before the end of the input.
const LAST_MS: i64 = i64::MAX - 1;
/// Records that are kept back at most.
const KEPT_MAX: usize = 4;

/// Hands records on, and fails now and then.
#[derive(Clone)]
pub(super) struct Fragile(pub(super) Arc<Outside>);

impl MapFunction<Event> for Fragile {
    type Out = Event;

    fn map(&mut self, event: Event) -> Result<Event> {
        let outside = &self.0;
        outside.mishap(outside.settings.failing_function, "no such record was wanted")?;
        Ok(event)
    }
}

/// Counts the records of each key; counts them by windows, with timers; and keeps them back until some have come or
/// some time has passed.
#[derive(Clone)]
pub(super) struct Ledger {
    outside: Arc<Outside>,
    passed: OutputTag<Out>,
    /// How many have come.
    count: ValueState<u64>,
    /// Of each split, which record comes next.
    next: MapState<u32, u32>,
    /// By the end of the window.
    windows: MapState<i64, u64>,
    kept: ListState<(u32, u32)>,
    /// When those that are kept back pass, by the machine's clock.
    release_at: ValueState<i64>,
    watermark: i64,
}

impl Ledger {
    pub(super) fn new(outside: Arc<Outside>, passed: OutputTag<Out>) -> Self {
        Self {
            outside,
            passed,
            count: ValueState::default(),
            next: MapState::default(),
            windows: MapState::default(),
            kept: ListState::default(),
            release_at: ValueState::default(),
            watermark: i64::MIN,
        }
    }

    fn look_at_watermark(&mut self, ctx: &KeyedContext<'_, u32>) {
        let watermark = ctx.current_watermark();
        let before = std::mem::replace(&mut self.watermark, watermark);
        self.outside.believe(watermark >= before, || {
            format!("the watermark {before} went back to {watermark}")
        });
    }

    /// Exactly once, or, if only that was promised, at least once; always in order.
    fn look_at_order(&self, event: &Event, ctx: &mut KeyedContext<'_, u32>) -> Result {
        let next = self.next.get(ctx, &event.split)?.unwrap_or(0);
        let is_right = if self.outside.settings.is_exactly_once {
            event.nth == next
        } else {
            event.nth <= next
        };
        self.outside.believe(is_right, || {
            format!("record {next} of its key and split was to come, {event:?} came")
        });
        self.next.put(ctx, event.split, next.max(event.nth + 1))
    }

    fn keep(&self, event: &Event, ctx: &mut KeyedContext<'_, u32>) -> Result {
        self.kept.add(ctx, (event.split, event.nth))?;
        let kept = self.kept.get(ctx)?.len();
        if kept >= KEPT_MAX {
            return self.release(ctx);
        }
        if kept == 1 {
            let pause = i64::try_from(self.outside.below(80)).expect("a few ms");
            let at = ctx.current_processing_time() + pause;
            self.release_at.update(ctx, at)?;
            ctx.timer_service().register_processing_time_timer(at)?;
            // The end of the input releases what is left.
            ctx.timer_service().register_event_time_timer(LAST_MS)?;
        }
        Ok(())
    }

    fn release(&self, ctx: &mut KeyedContext<'_, u32>) -> Result {
        if let Some(at) = self.release_at.value(ctx)? {
            ctx.timer_service().delete_processing_time_timer(at)?;
            self.release_at.clear(ctx)?;
        }
        let key = *ctx.current_key();
        for (split, nth) in self.kept.get(ctx)? {
            ctx.output(&self.passed, Out::Passed { key, split, nth });
        }
        self.kept.clear(ctx)
    }
}

impl KeyedProcessFunction<u32, Event> for Ledger {
    type Out = Out;

    fn open(&mut self, ctx: &mut KeyedOpenContext<'_, u32>) -> Result {
        self.count = ctx.get_state(ValueStateDescriptor::new("count"))?;
        self.next = ctx.get_map_state(ValueStateDescriptor::new("next"))?;
        self.windows = ctx.get_map_state(ValueStateDescriptor::new("windows"))?;
        self.kept = ctx.get_list_state(ValueStateDescriptor::new("kept"))?;
        self.release_at = ctx.get_state(ValueStateDescriptor::new("release-at"))?;
        Ok(())
    }

    fn process_element(
        &mut self,
        event: Event,
        ctx: &mut KeyedContext<'_, u32>,
        out: &mut impl Collector<Out>,
    ) -> Result {
        self.look_at_watermark(ctx);
        self.look_at_order(&event, ctx)?;
        let count = self.count.modify(ctx, |count| {
            *count += 1;
            *count
        })?;
        let key = event.key;
        out.collect(Out::Count { key, count });
        let end = event.time.div_euclid(SIZE_MS) * SIZE_MS + SIZE_MS;
        let so_far = self.windows.get(ctx, &end)?.unwrap_or(0);
        self.windows.put(ctx, end, so_far + 1)?;
        ctx.timer_service().register_event_time_timer(end - 1)?;
        self.keep(&event, ctx)
    }

    fn on_timer(
        &mut self,
        timestamp: i64,
        ctx: &mut OnTimerContext<'_, u32>,
        out: &mut impl Collector<Out>,
    ) -> Result {
        self.look_at_watermark(ctx);
        let clock = match ctx.time_domain() {
            TimeDomain::EventTime => ctx.current_watermark(),
            TimeDomain::ProcessingTime => ctx.current_processing_time(),
        };
        self.outside.believe(timestamp <= clock, || {
            format!("the timer of {timestamp} came at {clock}")
        });
        if ctx.time_domain() == TimeDomain::ProcessingTime || timestamp == LAST_MS {
            return self.release(ctx);
        }
        let (key, end) = (*ctx.current_key(), timestamp + 1);
        let count = self.windows.get(ctx, &end)?;
        self.outside.believe(count.is_some(), || {
            format!("a timer of {end} without records of {key}")
        });
        self.windows.remove(ctx, &end)?;
        let count = count.unwrap_or(0);
        out.collect(Out::Window { key, end, count });
        Ok(())
    }
}
