use std::collections::BTreeMap;
use std::time::Duration;

use super::super::harness::{Driven, Item, Item::Record, Item::Watermark, Script};
use crate::{
    AggregateFunction, Collected, Collector, OutputTag, ProcessWindowFunction, Result,
    SlidingEventTimeWindows, StreamExecutionEnvironment, TumblingEventTimeWindows,
    TumblingProcessingTimeWindows, WindowAssigner, WindowContext,
};

/// Counts and adds up.
#[derive(Clone)]
struct Sum;

impl AggregateFunction<(u8, u64)> for Sum {
    type Accumulator = u64;
    type Out = u64;

    fn create_accumulator(&self) -> u64 {
        0
    }

    fn add(&self, value: (u8, u64), sum: &mut u64) {
        *sum += value.1;
    }

    fn get_result(&self, sum: u64) -> u64 {
        sum
    }

    fn merge(&self, sum: &mut u64, later: u64) {
        *sum += later;
    }
}

/// Says which window a sum is of.
#[derive(Clone)]
struct WithWindow;

type Summed = (i64, u8, u64);

impl ProcessWindowFunction<u8, u64> for WithWindow {
    type Out = Summed;

    fn process(
        &mut self,
        key: &u8,
        context: &WindowContext,
        sum: u64,
        out: &mut impl Collector<Summed>,
    ) -> Result {
        out.collect((context.window().end, *key, sum));
        Ok(())
    }
}

struct Job {
    script: Script<(u8, u64)>,
    driven: Driven,
    sums: Collected<Summed>,
    late: Collected<(u8, u64)>,
}

impl Job {
    fn new(windows: impl WindowAssigner, lateness_ms: u64) -> Self {
        let env = StreamExecutionEnvironment::new();
        let (script, late) = (Script::<(u8, u64)>::new(), OutputTag::new("late"));
        let mut sums = script
            .stream(&env)
            .key_by(|record| record.0)
            .window(windows)
            .allowed_lateness(Duration::from_millis(lateness_ms))
            .side_output_late_data(&late)
            .aggregate_with(Sum, WithWindow);
        let late = sums.get_side_output(&late).collect();
        let sums = sums.collect();
        Self {
            script,
            driven: Driven::open(&env, 0),
            sums,
            late,
        }
    }

    /// What comes out of these, in the order of windows and keys.
    fn feed(&mut self, items: &[Item<(u8, u64)>]) -> Vec<Summed> {
        self.script.feed(items.iter().cloned());
        self.driven.run(0);
        let mut sums = self.sums.take();
        sums.sort_unstable();
        sums
    }

    fn end(&mut self) -> Vec<Summed> {
        self.script.end();
        self.feed(&[])
    }
}

fn at(time: i64, key: u8, number: u64) -> Item<(u8, u64)> {
    Record(time, (key, number))
}

fn tumbling(size: u64) -> TumblingEventTimeWindows {
    TumblingEventTimeWindows::of(Duration::from_millis(size))
}

fn sliding(size: u64, slide: u64) -> SlidingEventTimeWindows {
    SlidingEventTimeWindows::of(Duration::from_millis(size), Duration::from_millis(slide))
}

#[test]
fn a_window_comes_when_the_watermark_reaches_its_last_moment() {
    let mut job = Job::new(tumbling(10), 0);
    let records = [
        at(0, 1, 1),
        at(9, 1, 2),
        at(10, 1, 4),
        at(5, 2, 8),
        at(-1, 2, 16),
        at(25, 2, 32),
    ];
    assert_eq!(job.feed(&records), []);
    assert_eq!(job.feed(&[Watermark(8)]), [(0, 2, 16)]);
    assert_eq!(job.feed(&[Watermark(9)]), [(10, 1, 3), (10, 2, 8)]);
    assert_eq!(job.feed(&[Watermark(18)]), []);
    assert_eq!(
        job.end(),
        [(20, 1, 4), (30, 2, 32)],
        "the end of the input is the end of time"
    );
    assert_eq!(job.late.take(), []);
}

#[test]
fn sliding_windows_share_their_records() {
    let mut job = Job::new(sliding(10, 4), 0);
    job.feed(&[at(0, 1, 1), at(5, 1, 2), at(9, 1, 4), at(13, 2, 8)]);
    // Windows [-8, 2), [-4, 6), [0, 10), [4, 14), [8, 18), [12, 22).
    let expected = [
        (2, 1, 1),
        (6, 1, 3),
        (10, 1, 7),
        (14, 1, 6),
        (14, 2, 8),
        (18, 1, 4),
        (18, 2, 8),
        (22, 2, 8),
    ];
    assert_eq!(job.end(), expected);
}

#[test]
fn windows_with_gaps_leave_out_what_is_between_them() {
    let mut job = Job::new(sliding(2, 5), 0);
    job.feed(&[at(0, 1, 1), at(1, 1, 2), at(2, 1, 4), at(4, 1, 8), at(5, 1, 16)]);
    assert_eq!(job.end(), [(2, 1, 3), (7, 1, 16)]);
    assert_eq!(job.late.take(), []);
}

#[test]
fn late_records_let_a_window_come_again_as_long_as_allowed() {
    let mut job = Job::new(tumbling(10), 5);
    assert_eq!(job.feed(&[at(3, 1, 1), Watermark(9)]), [(10, 1, 1)]);
    assert_eq!(job.feed(&[at(4, 1, 2)]), [(10, 1, 3)]);
    assert_eq!(job.feed(&[Watermark(13), at(4, 2, 4)]), [(10, 2, 4)]);
    assert_eq!(job.feed(&[Watermark(14), at(5, 1, 8)]), []);
    assert_eq!(job.late.take(), [(1, 8)]);
    assert_eq!(job.feed(&[at(10, 1, 16)]), [], "the next window is not late");
    assert_eq!(job.end(), [(20, 1, 16)]);
}

#[test]
fn a_late_record_is_in_those_sliding_windows_that_still_come() {
    let mut job = Job::new(sliding(10, 5), 0);
    assert_eq!(job.feed(&[at(2, 1, 1), Watermark(4)]), [(5, 1, 1)]);
    assert_eq!(
        job.feed(&[at(3, 1, 2)]),
        [],
        "its first window has come without it"
    );
    assert_eq!(job.feed(&[Watermark(9)]), [(10, 1, 3)]);
    job.feed(&[at(4, 1, 4)]);
    assert_eq!(job.late.take(), [(1, 4)]);
    assert_eq!(job.end(), []);
}

#[test]
fn with_lateness_each_sliding_window_of_a_late_record_comes_again() {
    let mut job = Job::new(sliding(10, 5), 5);
    let first = job.feed(&[at(2, 1, 1), at(7, 1, 2), Watermark(9)]);
    assert_eq!(first, [(5, 1, 1), (10, 1, 3)]);
    // The windows that end at 5 and 10 are over, the first for good.
    assert_eq!(job.feed(&[at(3, 1, 4)]), [(10, 1, 7)]);
    assert_eq!(job.feed(&[at(8, 1, 8)]), [(10, 1, 15)]);
    assert_eq!(job.end(), [(15, 1, 10)]);
}

#[test]
fn windows_of_processing_time_come_by_the_clock_and_at_the_end() {
    let windows = TumblingProcessingTimeWindows::of(Duration::from_millis(100));
    let mut job = Job::new(windows, 0);
    assert_eq!(job.feed(&[at(0, 1, 1), Watermark(5000)]), []);
    assert_eq!(job.driven.run(99), Some(100));
    assert_eq!(job.sums.take(), []);
    job.driven.run(100);
    assert_eq!(job.sums.take(), [(100, 1, 1)]);
    job.script.feed([at(0, 1, 2)]);
    assert_eq!(job.driven.run(150), Some(200));
    job.script.end();
    job.driven.run(160);
    assert_eq!(job.sums.take(), [(200, 1, 2)]);
}

#[test]
fn a_record_without_a_time_is_refused_by_name() {
    for (time, words) in [
        (
            i64::MIN,
            "a record without a time came to an event-time window: call assign_timestamps_and_watermarks before it",
        ),
        (
            i64::MAX,
            "the time 9223372036854775807 of a record is too far away to be in a window",
        ),
    ] {
        let mut job = Job::new(tumbling(10), 0);
        job.script.feed([at(time, 1, 1)]);
        let failure = job.driven.try_run(0).expect_err("there is no such window");
        assert_eq!(
            (failure.operator.as_str(), failure.reason.as_str()),
            ("Window", words)
        );
    }
}

proptest::proptest! {
    /// By the definition, for records that are not late.
    #[test]
    fn every_window_has_the_sum_of_its_records(
        size in 1..30u64, slide in 1..30u64,
        records in proptest::collection::vec((0..60i64, 0..3u8, 0..100u64), 0..40),
        marks in proptest::collection::btree_set(0..40usize, 0..5),
    ) {
        let mut job = Job::new(sliding(size, slide), 0);
        let mut items = Vec::new();
        for (place, &(time, key, number)) in records.iter().enumerate() {
            items.push(at(time, key, number));
            if marks.contains(&place) {
                let rest = records[place + 1..].iter().map(|record| record.0).min();
                items.push(Watermark(rest.unwrap_or(100) - 1));
            }
        }
        let mut sums = job.feed(&items);
        sums.extend(job.end());
        sums.sort_unstable();
        let mut expected = BTreeMap::<(i64, u8), u64>::new();
        let (size, slide) = (i64::try_from(size).unwrap(), i64::try_from(slide).unwrap());
        for (time, key, number) in records {
            for start in (-60..60).map(|window| window * slide) {
                if (start..start + size).contains(&time) {
                    *expected.entry((start + size, key)).or_default() += number;
                }
            }
        }
        let expected: Vec<Summed> = expected.into_iter().map(|((end, key), sum)| (end, key, sum)).collect();
        proptest::prop_assert_eq!(sums, expected);
    }
}

/// State that no near cache holds is looked at ahead, many records at a time: nothing of it shows.
#[test]
fn windows_of_many_keys_hold_what_came_for_each() {
    let keys = 0..20_000u64;
    let env = StreamExecutionEnvironment::new();
    let (script, late) = (Script::<(u64, u64)>::new(), OutputTag::new("late"));
    let mut sums = script
        .stream(&env)
        .key_by(|record| record.0)
        .window(tumbling(10))
        .allowed_lateness(Duration::from_millis(5))
        .side_output_late_data(&late)
        .reduce(|a, b| (a.0, a.1 + b.1));
    let late = sums.get_side_output(&late).collect();
    let sums = sums.collect();
    let mut driven = Driven::open(&env, 0);
    let mut feed = |items: Vec<Item<(u64, u64)>>| {
        script.feed(items);
        driven.run(0);
        let mut sums = sums.take();
        sums.sort_unstable();
        sums
    };
    let each = |number| keys.clone().map(move |key| (key, number)).collect::<Vec<_>>();
    let at = |time| move |record| Record(time, record);
    assert_eq!(feed(each(1).into_iter().map(at(3)).collect()), []);
    // From here on there is much. Records of two windows come in turn.
    let in_turn = each(2)
        .into_iter()
        .flat_map(|record| [at(7)(record), at(12)(record)]);
    assert_eq!(feed(in_turn.collect()), []);
    assert_eq!(feed(vec![Watermark(9)]), each(3));
    let again = each(8).into_iter().take(100);
    assert_eq!(feed(again.map(at(5)).collect()), each(11)[..100]);
    let too_late = each(1)[..200].to_vec();
    let behind = [Watermark(14)]
        .into_iter()
        .chain(too_late.iter().copied().map(at(5)));
    assert_eq!(feed(behind.collect()), []);
    assert_eq!(late.take(), too_late);
    assert_eq!(feed(vec![Watermark(19)]), each(2));
}
