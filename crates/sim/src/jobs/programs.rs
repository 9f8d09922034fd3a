//! The jobs.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use everspan_stream::{
    Chain, DataStream, OutputTag, SlidingEventTimeWindows, StreamExecutionEnvironment,
    TumblingEventTimeWindows, WatermarkStrategy,
};

use super::functions::{Fragile, Ledger};
use super::input::Input;
use super::late::{Counting, Named, too_late};
use super::outside::{Outside, SINK};
use super::plan::{Event, Out, SIZE_MS, SLIDE_MS};
use super::settings::Program;
use super::sink::ToFiles;

/// What comes out in the order of each key goes here, too.
pub(super) const IN_ORDER: &str = "sink-in-order";

/// Sources without records for so long are idle.
const IDLE_AFTER: Duration = Duration::from_millis(60);

/// Builds the job of the seed.
pub(super) fn build(outside: &Arc<Outside>, parallelism: usize) -> StreamExecutionEnvironment {
    let settings = &outside.settings;
    let env = StreamExecutionEnvironment::new();
    env.set_parallelism(parallelism)
        .set_max_parallelism(settings.key_groups)
        .set_buffers_per_channel(settings.buffers_per_channel)
        .set_keyed_chaining(settings.chains_keyed)
        .set_auto_watermark_interval(settings.watermark_interval);
    let [first, second] = outside.plan.halves();
    match settings.program {
        Program::Ledger => ledger(&env, outside, first, second),
        Program::Tumbling => tumbling(&env, outside, first, second),
        Program::Sliding => sliding(&env, outside, first, second),
        Program::Hops => hops(&env, outside, first, second),
    }
    env
}

fn sink(outside: &Arc<Outside>, name: &str) -> ToFiles {
    ToFiles {
        outside: outside.clone(),
        name: name.to_owned(),
    }
}

/// One of the sources; those of `may_idle` pause for long.
fn source(
    env: &StreamExecutionEnvironment,
    outside: &Arc<Outside>,
    splits: Range<u32>,
    may_idle: bool,
) -> DataStream<Event, impl Chain<Event> + use<>> {
    let name = format!("from-{}", splits.start);
    let input = Input {
        outside: outside.clone(),
        splits,
        long_pause: if may_idle { 10 } else { 0 },
    };
    let mut strategy = WatermarkStrategy::for_monotonous_timestamps();
    if may_idle {
        strategy = strategy.with_idleness(IDLE_AFTER);
    }
    env.from_source(input, &name)
        .uid(&name)
        .map_with(Fragile(outside.clone()))
        .assign_timestamps_and_watermarks(strategy.with_timestamp_assigner(|event: &Event, _| event.time))
}

fn ledger(env: &StreamExecutionEnvironment, outside: &Arc<Outside>, first: Range<u32>, second: Range<u32>) {
    let passed = OutputTag::new("passed");
    let mut counts = source(env, outside, first, false)
        .union(source(env, outside, second, false))
        .key_by(|event: &Event| event.key)
        .process(Ledger::new(outside.clone(), passed.clone()))
        .uid("ledger");
    let passed = counts.get_side_output(&passed);
    passed.clone().sink_to_as(sink(outside, IN_ORDER), IN_ORDER);
    counts.union(passed).sink_to_as(sink(outside, SINK), SINK);
}

fn tumbling(env: &StreamExecutionEnvironment, outside: &Arc<Outside>, first: Range<u32>, second: Range<u32>) {
    let late = OutputTag::new("late");
    let mut windows = source(env, outside, first, true)
        .union(source(env, outside, second, true))
        .key_by(|event: &Event| event.key)
        .window(TumblingEventTimeWindows::of(millis(SIZE_MS)))
        .side_output_late_data(&late)
        .aggregate_with(Counting, Named)
        .uid("windows");
    let late = windows.get_side_output(&late).map(too_late);
    windows.union(late).sink_to_as(sink(outside, SINK), SINK);
}

fn sliding(env: &StreamExecutionEnvironment, outside: &Arc<Outside>, first: Range<u32>, second: Range<u32>) {
    source(env, outside, first, false)
        .union(source(env, outside, second, false))
        .key_by(|event: &Event| event.key)
        .window(SlidingEventTimeWindows::of(millis(SIZE_MS), millis(SLIDE_MS)))
        .aggregate_with(Counting, Named)
        .uid("windows")
        .rebalance()
        .sink_to_as(sink(outside, SINK), SINK);
}

fn hops(env: &StreamExecutionEnvironment, outside: &Arc<Outside>, first: Range<u32>, second: Range<u32>) {
    let counts = source(env, outside, first, false)
        .union(source(env, outside, second, false))
        .rebalance()
        .map_with(Fragile(outside.clone()))
        .uid("round")
        .key_by(|event: &Event| event.key)
        .map_with_state("count", |&key, count: &mut u64, _| {
            *count += 1;
            (key, *count)
        })
        .uid("counts")
        .share();
    let reached = counts
        .clone()
        .key_by(|&(_, count)| count)
        .map_with_state("keys", |&count, keys: &mut u64, _| {
            *keys += 1;
            Out::Reached { count, keys: *keys }
        })
        .uid("reached");
    counts
        .map(|(key, count)| Out::Count { key, count })
        .union(reached)
        .sink_to_as(sink(outside, SINK), SINK);
}

fn millis(millis: i64) -> Duration {
    Duration::from_millis(millis.unsigned_abs())
}
