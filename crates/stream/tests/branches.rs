//! Streams that go on in several ways, and meet again.

use std::time::Duration;

use everspan_stream::{
    Collector, KeyedContext, KeyedOpenContext, KeyedProcessFunction, ListState, MapState, OutputTag, Result,
    StreamExecutionEnvironment, TumblingEventTimeWindows, ValueStateDescriptor, WatermarkStrategy,
};

fn sorted<T: Ord>(mut records: Vec<T>) -> Vec<T> {
    records.sort_unstable();
    records
}

#[test]
fn every_branch_of_a_shared_stream_has_all_records() {
    for parallelism in [1, 2] {
        let env = StreamExecutionEnvironment::new();
        env.set_parallelism(parallelism);
        let numbers = env.from_sequence(1, 1000).share();
        let even = numbers.clone().filter(|number| number % 2 == 0).share();
        let squares = even.clone().map(|number| number * number).collect();
        let keyed = even.key_by(|number| number % 3).reduce(|a, b| a.max(b)).collect();
        let all = numbers
            .clone()
            .union(numbers.map(|number| number + 1000))
            .collect();
        env.execute("shared").expect("the job ends");
        let expected: Vec<u64> = (2..=1000).step_by(2).map(|number| number * number).collect();
        assert_eq!(sorted(squares.take()), expected);
        assert_eq!(keyed.take().iter().max(), Some(&1000));
        assert_eq!(sorted(all.take()), (1..=2000).collect::<Vec<_>>());
    }
}

#[test]
fn branches_without_a_sink_are_left_out() {
    let env = StreamExecutionEnvironment::new();
    let numbers = env.from_sequence(1, 10).share();
    let kept = numbers.clone().share();
    let seen = kept.clone().collect();
    env.execute("left out").expect("the job ends");
    assert_eq!(seen.take(), (1..=10).collect::<Vec<_>>());
    drop((numbers, kept));
}

/// Gives odd numbers to one side output and those above a limit to another.
#[derive(Clone)]
struct Sort {
    odd: OutputTag<u64>,
    large: OutputTag<String>,
    nobody: OutputTag<u64>,
}

impl KeyedProcessFunction<u64, u64> for Sort {
    type Out = u64;

    fn process_element(
        &mut self,
        number: u64,
        ctx: &mut KeyedContext<'_, u64>,
        out: &mut impl Collector<u64>,
    ) -> Result {
        ctx.output(&self.nobody, number);
        if number > 95 {
            ctx.output(&self.large, number.to_string());
        }
        if number % 2 == 1 {
            ctx.output(&self.odd, number);
        } else {
            out.collect(number);
        }
        Ok(())
    }
}

#[test]
fn side_outputs_go_their_own_ways_whichever_is_ended_first() {
    for main_first in [true, false] {
        let env = StreamExecutionEnvironment::new();
        env.set_parallelism(2);
        let sort = Sort {
            odd: OutputTag::new("numbers"),
            large: OutputTag::new("large"),
            nobody: OutputTag::new("numbers"),
        };
        let (odd, large) = (sort.odd.clone(), sort.large.clone());
        let mut even = env
            .from_sequence(1, 100)
            .key_by(|number| number % 10)
            .process(sort.clone());
        let odd = even.get_side_output(&odd);
        let large = even.get_side_output(&large);
        // A side output of what a side output leads to.
        let mut again = odd.key_by(|number| *number).process(sort.clone());
        let odd_again = again.get_side_output(&sort.odd);
        let (even, odd) = if main_first {
            let even = even.collect();
            drop(again.collect());
            (even, odd_again.collect())
        } else {
            let odd = odd_again.collect();
            drop(again.collect());
            (even.collect(), odd)
        };
        let large = large.collect();
        env.execute("sort").expect("the job ends");
        assert_eq!(sorted(even.take()), (2..=100).step_by(2).collect::<Vec<_>>());
        assert_eq!(sorted(odd.take()), (1..=100).step_by(2).collect::<Vec<_>>());
        assert_eq!(sorted(large.take()), ["100", "96", "97", "98", "99"]);
    }
}

#[test]
#[should_panic(expected = "operator `Map` has no side outputs")]
fn an_operator_without_side_outputs_says_so() {
    let env = StreamExecutionEnvironment::new();
    let mut mapped = env.from_sequence(1, 10).map(|number| number);
    drop(mapped.get_side_output(&OutputTag::<u64>::new("none")));
}

#[test]
fn records_of_one_key_and_window_are_joined_each_with_each() {
    let mut expected = Vec::new();
    for (one, other) in (0..1000u64).flat_map(|one| (0..1000).map(move |other| (one, other))) {
        if one % 2 == 0 && other % 3 == 0 && one % 7 == other % 7 && one / 50 == other / 50 {
            expected.push((one, other));
        }
    }
    for parallelism in [1, 3] {
        let env = StreamExecutionEnvironment::new();
        env.set_parallelism(parallelism);
        let by_time = WatermarkStrategy::for_monotonous_timestamps()
            .with_timestamp_assigner(|&number: &u64, _| i64::try_from(number).expect("small"));
        let all = env
            .from_sequence(0, 999)
            .assign_timestamps_and_watermarks(by_time)
            .share();
        let joined = all
            .clone()
            .filter(|number| number % 2 == 0)
            .join(all.filter(|number| number % 3 == 0))
            .where_key(|number| number % 7)
            .equal_to(|number| number % 7)
            .window(TumblingEventTimeWindows::of(Duration::from_millis(50)))
            .apply(|&one, &other| (one, other))
            .collect();
        env.execute("join").expect("the job ends");
        assert_eq!(sorted(joined.take()), expected, "{parallelism}");
    }
}

/// Keeps the numbers of each key in a list and counts them in a map; tells both at its last number.
#[derive(Clone, Default)]
struct Remember {
    list: ListState<u64>,
    map: MapState<u64, u32>,
}

impl KeyedProcessFunction<u64, u64> for Remember {
    type Out = (u64, Vec<u64>, Vec<(u64, u32)>);

    fn open(&mut self, ctx: &mut KeyedOpenContext<'_, u64>) -> Result {
        self.list = ctx.get_list_state(ValueStateDescriptor::new("list"))?;
        self.map = ctx.get_map_state(ValueStateDescriptor::new("map"))?;
        Ok(())
    }

    fn process_element(
        &mut self,
        number: u64,
        ctx: &mut KeyedContext<'_, u64>,
        out: &mut impl Collector<Self::Out>,
    ) -> Result {
        let key = *ctx.current_key();
        let bucket = number % 4;
        self.list.add(ctx, number)?;
        let count = self.map.get(ctx, &bucket)?.unwrap_or(0);
        self.map.put(ctx, bucket, count + 1)?;
        if bucket == 3 {
            self.map.remove(ctx, &bucket)?;
            assert!(!self.map.contains(ctx, &bucket)?);
        }
        if number >= 38 {
            out.collect((
                key,
                self.list.get(ctx)?,
                self.map.entries(ctx)?.into_iter().collect(),
            ));
            self.list.update(ctx, Vec::new())?;
            self.map.clear(ctx)?;
            assert!(self.list.get(ctx)?.is_empty() && self.map.is_empty(ctx)?);
        }
        Ok(())
    }
}

#[test]
fn lists_and_maps_are_kept_for_each_key() {
    let env = StreamExecutionEnvironment::new();
    let seen = env
        .from_sequence(1, 39)
        .key_by(|number| number % 2)
        .process(Remember::default())
        .collect();
    env.execute("remember").expect("the job ends");
    let even: Vec<u64> = (2..=38).step_by(2).collect();
    let odd: Vec<u64> = (1..=39).step_by(2).collect();
    let expected = [(0, even, vec![(0, 9), (2, 10)]), (1, odd, vec![(1, 10)])];
    assert_eq!(seen.take(), expected);
}
