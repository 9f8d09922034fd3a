//! Windows and timers in jobs that fail, recover and change their parallelism.

#[path = "paced/source.rs"]
mod paced;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use everspan_stream::{
    AggregateFunction, Collected, Collector, JobOptions, KeyedContext, KeyedOpenContext,
    KeyedProcessFunction, MapFunction, MapState, OnTimerContext, ProcessWindowFunction, RestartStrategy,
    Result, SlidingEventTimeWindows, Start, StateBackend, StateOptions, StreamExecutionEnvironment,
    ValueStateDescriptor, WatermarkGenerator, WatermarkStrategy, WindowContext,
};
use paced::Paced;

const NUMBERS: u64 = 4000;
const KEYS: u64 = 20;
const SIZE: i64 = 500;
const SLIDE: i64 = 100;

/// Each reader reads in this order, whichever splits it has.
fn time_of(number: u64) -> i64 {
    i64::try_from(number).expect("a small number")
}

/// A watermark now and then, behind a record: no clock decides what comes out.
#[derive(Clone)]
struct EveryFewRecords;

impl WatermarkGenerator<u64> for EveryFewRecords {
    fn on_event(&mut self, _number: &u64, timestamp: i64) -> Option<i64> {
        (timestamp / 4 % 16 == 0).then_some(timestamp)
    }

    fn on_periodic_emit(&mut self) -> Option<i64> {
        None
    }
}

#[derive(Clone)]
struct Count;

impl AggregateFunction<u64> for Count {
    type Accumulator = u64;
    type Out = u64;

    fn create_accumulator(&self) -> u64 {
        0
    }

    fn add(&self, _number: u64, count: &mut u64) {
        *count += 1;
    }

    fn get_result(&self, count: u64) -> u64 {
        count
    }

    fn merge(&self, count: &mut u64, later: u64) {
        *count += later;
    }
}

#[derive(Clone)]
struct WithEnd;

impl ProcessWindowFunction<u64, u64> for WithEnd {
    type Out = ((i64, u64), u64);

    fn process(
        &mut self,
        &key: &u64,
        context: &WindowContext,
        count: u64,
        out: &mut impl Collector<Self::Out>,
    ) -> Result {
        out.collect(((context.window().end, key), count));
        Ok(())
    }
}

/// Counts by stretches of time; at the end of each says how many came.
#[derive(Clone, Default)]
struct CountByTimer {
    counts: MapState<i64, u64>,
}

impl KeyedProcessFunction<u64, u64> for CountByTimer {
    type Out = ((i64, u64), u64);

    fn open(&mut self, ctx: &mut KeyedOpenContext<'_, u64>) -> Result {
        self.counts = ctx.get_map_state(ValueStateDescriptor::new("counts"))?;
        Ok(())
    }

    fn process_element(
        &mut self,
        number: u64,
        ctx: &mut KeyedContext<'_, u64>,
        _out: &mut impl Collector<Self::Out>,
    ) -> Result {
        let end = time_of(number) / SIZE * SIZE + SIZE;
        let count = self.counts.get(ctx, &end)?.unwrap_or(0);
        self.counts.put(ctx, end, count + 1)?;
        ctx.timer_service().register_event_time_timer(end - 1)
    }

    fn on_timer(
        &mut self,
        timestamp: i64,
        ctx: &mut OnTimerContext<'_, u64>,
        out: &mut impl Collector<Self::Out>,
    ) -> Result {
        let end = timestamp + 1;
        let count = self.counts.get(ctx, &end)?.ok_or("a timer without records")?;
        self.counts.remove(ctx, &end)?;
        out.collect(((end, *ctx.current_key()), count));
        Ok(())
    }
}

/// Fails once, at one number.
#[derive(Clone)]
struct FailOnce(u64, Arc<AtomicBool>);

impl MapFunction<u64> for FailOnce {
    type Out = u64;

    fn map(&mut self, number: u64) -> Result<u64> {
        if number == self.0 && !self.1.swap(true, Ordering::Relaxed) {
            return Err("the disk is on fire".into());
        }
        Ok(number)
    }
}

type Counts = Collected<((i64, u64), u64)>;

/// Windows and timers over the same numbers.
fn job(env: &StreamExecutionEnvironment, pause_at: u64, fail_at: u64) -> (Counts, Counts) {
    let by_time =
        WatermarkStrategy::for_generator(EveryFewRecords).with_timestamp_assigner(|&n: &u64, _| time_of(n));
    let numbers = env
        .from_source(Paced::new(NUMBERS, 500).pausing_at(pause_at), "numbers")
        .uid("numbers")
        .map_with(FailOnce(fail_at, Arc::default()))
        .assign_timestamps_and_watermarks(by_time)
        .share();
    let millis = |time: i64| Duration::from_millis(time.unsigned_abs());
    let windows = numbers
        .clone()
        .key_by(|number| number % KEYS)
        .window(SlidingEventTimeWindows::of(millis(SIZE), millis(SLIDE)))
        .aggregate_with(Count, WithEnd)
        .uid("windows")
        .collect();
    let timers = numbers
        .key_by(|number| number % KEYS)
        .process(CountByTimer::default())
        .uid("timers")
        .collect();
    (windows, timers)
}

/// What comes out for windows of `SIZE`, one every `slide`.
fn expected(slide: i64) -> BTreeMap<(i64, u64), u64> {
    let mut counts = BTreeMap::new();
    for number in 0..NUMBERS {
        let time = time_of(number);
        let mut start = time / slide * slide;
        while start > time - SIZE {
            *counts.entry((start + SIZE, number % KEYS)).or_default() += 1;
            start -= slide;
        }
    }
    counts
}

/// Results may come again after a restore, but then they are the same.
fn gather(all: &mut BTreeMap<(i64, u64), u64>, counts: &Counts) {
    for (place, count) in counts.take() {
        let known = *all.entry(place).or_insert(count);
        assert_eq!(known, count, "{place:?}");
    }
}

const BACKENDS: [StateBackend; 2] = [StateBackend::Hashmap, StateBackend::Lsm];

fn options(dir: &std::path::Path, backend: StateBackend) -> JobOptions {
    let checkpoints = dir.join("checkpoints");
    let mut options = JobOptions::checkpointing(checkpoints.to_string_lossy(), Duration::from_millis(5));
    options.local_dir = Some(dir.join("work"));
    // Too little memory for all rows, where that matters.
    options.state = StateOptions {
        backend,
        lsm_memory_bytes: 32 << 10,
        ..StateOptions::default()
    };
    options.restart = Some(RestartStrategy::FixedDelay {
        attempts: 3,
        delay: Duration::ZERO,
    });
    options
}

#[test]
fn after_a_failure_windows_and_timers_have_what_they_had() {
    for (parallelism, backend) in [1, 3].into_iter().flat_map(|p| BACKENDS.map(|b| (p, b))) {
        let dir = tempfile::tempdir().unwrap();
        let env = StreamExecutionEnvironment::new();
        env.set_parallelism(parallelism);
        let (windows, timers) = job(&env, u64::MAX, 2322);
        env.execute_with("windows", options(dir.path(), backend))
            .expect("the job recovers");
        let (mut by_window, mut by_timer) = (BTreeMap::new(), BTreeMap::new());
        gather(&mut by_window, &windows);
        gather(&mut by_timer, &timers);
        assert_eq!(by_window, expected(SLIDE), "{parallelism} {backend:?}");
        assert_eq!(by_timer, expected(SIZE), "{parallelism} {backend:?}");
    }
}

#[test]
fn windows_and_timers_go_on_at_another_parallelism() {
    BACKENDS.into_iter().for_each(rescaled);
}

fn rescaled(backend: StateBackend) {
    let dir = tempfile::tempdir().expect("there is a directory for temporary files");
    let mut start = Start::Fresh;
    let (mut by_window, mut by_timer) = (BTreeMap::new(), BTreeMap::new());
    for (parallelism, pause_at) in [(1, 1_377), (3, 2_732), (2, u64::MAX)] {
        let env = StreamExecutionEnvironment::new();
        env.set_parallelism(parallelism);
        let (windows, timers) = job(&env, pause_at, u64::MAX);
        let mut options = options(dir.path(), backend);
        options.start = start.clone();
        let job = env.start("rescaled", options).expect("the job starts");
        if pause_at == u64::MAX {
            job.wait().expect("the job ends");
        } else {
            // Asked again while not all subtasks run yet.
            let control = job.control();
            let savepoint = (0..60_000).find_map(|_| {
                std::thread::sleep(Duration::from_millis(1));
                control.stop_with_savepoint().ok()
            });
            start = Start::From(savepoint.expect("a savepoint is taken"));
            job.wait().expect("the job stops");
        }
        gather(&mut by_window, &windows);
        gather(&mut by_timer, &timers);
    }
    assert_eq!(by_window, expected(SLIDE));
    assert_eq!(by_timer, expected(SIZE));
}
