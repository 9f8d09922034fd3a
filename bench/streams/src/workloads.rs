//! The workloads.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use everspan_stream::{
    Chain, Collector, DataStream, GeneratorSource, JobOptions, KeyedContext, KeyedOpenContext,
    KeyedProcessFunction, Result, StreamExecutionEnvironment, ValueState, ValueStateDescriptor,
};

use crate::arguments::Arguments;
use crate::generators::{Auctions, Event, mix, pos, sentence};
use crate::result::{Checksum, Fields};
use crate::told::{Told, rss_mb_max};
use crate::windows;
use crate::words::{Tokenizer, java_hash};

const KEYS: u64 = 1_000_000;

/// Runs one; returns its line of JSON.
pub(crate) fn run(arguments: &Arguments) -> Result<String, Box<dyn Error>> {
    let env = StreamExecutionEnvironment::new();
    env.set_parallelism(usize::try_from(arguments.parallelism)?)
        .set_keyed_chaining(arguments.keyed_chaining)
        .set_auto_watermark_interval(Duration::from_millis(50));
    let checksum = Checksum::default();
    let events = arguments.events;
    let numbers = |n| env.from_source(GeneratorSource::new(n, |i| i), "numbers");
    match &*arguments.workload {
        "src" => numbers(events).map(|i| [i, 0, 0, 0]).sink_to(checksum.clone()),
        "wc" => env
            .from_source(GeneratorSource::new(events / 10, sentence), "sentences")
            .flat_map_with(Tokenizer)
            .key_by(|(word, _)| word.clone())
            .process(RunningSum::default())
            .map(|(word, count)| [java_hash(&word), count, 0, 0])
            .sink_to(checksum.clone()),
        "sum" => numbers(events)
            .map(|i| pos(mix(i)) % KEYS)
            .map(|key| (key, key & 0xff))
            .key_by(|&(key, _)| key)
            .process(RunningSum::default())
            .map(|(key, sum)| [key, sum, 0, 0])
            .sink_to(checksum.clone()),
        "q0" => bids(&env, events)
            .map(|e| [e.ts as u64, e.person as u64, e.auction as u64, e.price as u64])
            .sink_to(checksum.clone()),
        "q1" => bids(&env, events)
            .map(|e| {
                let euros = e.price as f64 * 0.908;
                [e.auction as u64, e.person as u64, euros.to_bits(), e.ts as u64]
            })
            .sink_to(checksum.clone()),
        "q2" => bids(&env, events)
            .filter(|e| e.auction % 123 == 0)
            .map(|e| -> Fields { [e.auction as u64, e.price as u64, 0, 0] })
            .sink_to(checksum.clone()),
        "q5" => windows::hottest_auctions(auctions(&env, events)).sink_to(checksum.clone()),
        "q8" => windows::new_sellers(auctions(&env, events)).sink_to(checksum.clone()),
        other => unreachable!("`{other}` passed the check of the arguments"),
    }
    let told = Arc::new(Told::default());
    let ran = env.execute_with(&arguments.workload, options(arguments, &told))?;
    let total = checksum.total();
    let line = serde_json::json!({
        "events": events,
        "outputs": total.outputs,
        "checksum": total.checksum as i64,
        "first_record_ns": total.first_record_ns,
        "wall_s": ran.net_runtime.as_secs_f64(),
        "rss_mb": rss_mb_max(),
        "checkpoints": told.checkpoints(),
        "initializations": told.initializations(),
    });
    Ok(line.to_string())
}

/// Checkpoints as the arguments say, and spans to `told`.
pub(crate) fn options(arguments: &Arguments, told: &Arc<Told>) -> JobOptions {
    let mut options = match &arguments.checkpoints {
        Some((interval_ms, dir)) => JobOptions::checkpointing(dir, Duration::from_millis(*interval_ms)),
        None => JobOptions::default(),
    };
    options.state.backend = arguments.backend;
    options.spans = Some(told.clone());
    options
}

fn bids(env: &StreamExecutionEnvironment, events: u64) -> DataStream<Event, impl Chain<Event> + use<>> {
    auctions(env, events).filter(|e| e.kind == 2)
}

fn auctions(env: &StreamExecutionEnvironment, events: u64) -> DataStream<Event, impl Chain<Event> + use<>> {
    env.from_source(Auctions { events }, "auctions")
}

/// Adds up per key and emits every sum.
#[derive(Clone, Default)]
struct RunningSum {
    sum: ValueState<u64>,
}

impl<K: everspan_stream::Key> KeyedProcessFunction<K, (K, u64)> for RunningSum {
    type Out = (K, u64);

    fn open(&mut self, ctx: &mut KeyedOpenContext<'_, K>) -> Result {
        self.sum = ctx.get_state(ValueStateDescriptor::new("sum"))?;
        Ok(())
    }

    #[inline(always)]
    fn process_element(
        &mut self,
        (key, value): (K, u64),
        ctx: &mut KeyedContext<'_, K>,
        out: &mut impl Collector<(K, u64)>,
    ) -> Result {
        let sum = self.sum.modify(ctx, |sum| {
            *sum += value;
            *sum
        })?;
        out.collect((key, sum));
        Ok(())
    }
}
