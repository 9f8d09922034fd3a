use super::super::harness::{Driven, Item::Record, Item::Watermark, Script};
use crate::{
    Collector, KeyedContext, KeyedProcessFunction, OnTimerContext, Result, StreamExecutionEnvironment,
    TimeDomain,
};

/// What a record asks of its key's timers.
#[derive(Clone, Copy, Debug, borsh::BorshSerialize, borsh::BorshDeserialize)]
enum Ask {
    Event(i64),
    Processing(i64),
    Forget(i64),
    ForgetProcessing(i64),
    /// At this time and again as often.
    Repeat(i64, u32),
}

/// Does as asked; emits the key, the clock and the time of every timer.
#[derive(Clone, Default)]
struct Alarms {
    repeats: u32,
}

impl KeyedProcessFunction<u8, (u8, Ask)> for Alarms {
    type Out = (u8, TimeDomain, i64);

    fn process_element(
        &mut self,
        (_, ask): (u8, Ask),
        ctx: &mut KeyedContext<'_, u8>,
        _out: &mut impl Collector<Self::Out>,
    ) -> Result {
        let mut timers = ctx.timer_service();
        match ask {
            Ask::Event(time) => timers.register_event_time_timer(time),
            Ask::Processing(time) => timers.register_processing_time_timer(time),
            Ask::Forget(time) => timers.delete_event_time_timer(time),
            Ask::ForgetProcessing(time) => timers.delete_processing_time_timer(time),
            Ask::Repeat(time, times) => {
                self.repeats = times;
                timers.register_event_time_timer(time)
            }
        }
    }

    fn on_timer(
        &mut self,
        timestamp: i64,
        ctx: &mut OnTimerContext<'_, u8>,
        out: &mut impl Collector<Self::Out>,
    ) -> Result {
        assert_eq!(ctx.timestamp(), Some(timestamp));
        out.collect((*ctx.current_key(), ctx.time_domain(), timestamp));
        if self.repeats > 0 {
            self.repeats -= 1;
            ctx.timer_service().register_event_time_timer(timestamp + 1)?;
        }
        Ok(())
    }
}

use Ask::{Event, Forget, ForgetProcessing, Processing, Repeat};
use TimeDomain::{EventTime, ProcessingTime};

type Fired = crate::Collected<(u8, TimeDomain, i64)>;

fn alarms() -> (Script<(u8, Ask)>, Driven, Fired) {
    let env = StreamExecutionEnvironment::new();
    let script = Script::new();
    let fired = script
        .stream(&env)
        .key_by(|(key, _)| *key)
        .process(Alarms::default())
        .collect();
    (script, Driven::open(&env, 0), fired)
}

#[test]
fn an_event_time_timer_comes_once_when_the_watermark_has_reached_it() {
    let (script, mut job, fired) = alarms();
    script.feed([
        Record(0, (b'a', Event(20))),
        Record(0, (b'a', Event(10))),
        Record(0, (b'a', Event(10))),
        Record(0, (b'a', Event(15))),
        Record(0, (b'a', Forget(15))),
        Record(0, (b'a', Forget(99))),
        Watermark(9),
    ]);
    job.run(0);
    assert_eq!(fired.take(), []);
    script.feed([Watermark(10)]);
    job.run(0);
    assert_eq!(fired.take(), [(b'a', EventTime, 10)]);
    script.end();
    job.run(0);
    assert_eq!(
        fired.take(),
        [(b'a', EventTime, 20)],
        "the end of the input is the end of time"
    );
}

#[test]
fn a_timer_deleted_and_registered_again_comes_once() {
    let (script, mut job, fired) = alarms();
    let asks = [Event(5), Forget(5), Event(5), Forget(5), Event(5)];
    script.feed(asks.map(|ask| Record(0, (b'a', ask))));
    script.feed([Watermark(5), Watermark(6)]);
    job.run(0);
    assert_eq!(fired.take(), [(b'a', EventTime, 5)]);
}

#[test]
fn timers_of_many_keys_come_in_the_order_of_their_times() {
    let (script, mut job, fired) = alarms();
    let keys = [b'd', b'a', b'c', b'b'];
    script.feed(keys.map(|key| Record(0, (key, Event(7)))));
    script.feed(keys.map(|key| Record(0, (key, Event(i64::from(key))))));
    script.feed([Watermark(1000)]);
    job.run(0);
    let fired = fired.take();
    let mut of_seven: Vec<u8> = fired[..4].iter().map(|timer| timer.0).collect();
    of_seven.sort_unstable();
    assert_eq!(of_seven, [b'a', b'b', b'c', b'd']);
    let later: Vec<u8> = fired[4..].iter().map(|timer| timer.0).collect();
    assert_eq!(later, [b'a', b'b', b'c', b'd']);
}

#[test]
fn a_processing_time_timer_comes_by_the_clock_and_wakes_the_subtask() {
    let (script, mut job, fired) = alarms();
    script.feed([
        Record(0, (b'a', Processing(5_000))),
        Record(0, (b'a', Processing(3_000))),
        Record(0, (b'b', Processing(4_000))),
        Record(0, (b'b', ForgetProcessing(4_000))),
        Watermark(10_000),
    ]);
    assert_eq!(job.run(0), Some(200), "the interval of watermarks");
    job.run(2_999);
    assert_eq!(fired.take(), []);
    assert_eq!(job.run(3_000), Some(3_200));
    assert_eq!(fired.take(), [(b'a', ProcessingTime, 3_000)]);
    assert_eq!(job.run(4_900), Some(5_000));
    job.run(5_001);
    assert_eq!(fired.take(), [(b'a', ProcessingTime, 5_000)]);
}

#[test]
fn a_timer_registered_by_a_timer_comes_too_if_its_time_has_come() {
    let (script, mut job, fired) = alarms();
    script.feed([Record(0, (b'a', Repeat(5, 3))), Watermark(7)]);
    job.run(0);
    let times =
        |fired: Vec<(u8, TimeDomain, i64)>| fired.into_iter().map(|timer| timer.2).collect::<Vec<_>>();
    assert_eq!(times(fired.take()), [5, 6, 7]);
    script.end();
    job.run(0);
    assert_eq!(times(fired.take()), [8]);
}

#[test]
fn timers_that_register_the_next_for_ever_fail_at_the_end_of_the_input() {
    let (script, mut job, _fired) = alarms();
    script.feed([Record(0, (b'a', Repeat(5, u32::MAX)))]);
    script.end();
    let failure = job.try_run(0).expect_err("it would never end");
    assert_eq!(failure.operator, "KeyedProcess");
    assert_eq!(
        failure.reason,
        "on_timer has registered 100000 timers of event time after the end of the input: \
         ask current_watermark() before registering the next"
    );
}

/// State that no near cache holds is looked at ahead, many records at a time: nothing of it shows.
#[test]
fn records_of_many_keys_find_the_state_of_each_in_order() {
    let env = StreamExecutionEnvironment::new();
    let script = Script::<u64>::new();
    let counted = script
        .stream(&env)
        .key_by(|record| record % 40_000)
        .map_with_state("records", |key, count: &mut u64, record| {
            *count += 1;
            (*key, record, *count)
        })
        .collect();
    let mut job = Driven::open(&env, 0);
    for round in 0..3 {
        // Each key twice in a step, and some in the same batch.
        let records = || (0..40_000).flat_map(|key| [key, (key + 1) % 40_000 + 40_000]);
        script.feed(records().map(|record| Record(0, record)));
        job.run(0);
        let mut counts = std::collections::BTreeMap::new();
        let expected = records().map(|record| {
            let key = record % 40_000;
            let before = counts.entry(key).or_insert(2 * round);
            *before += 1;
            (key, record, *before)
        });
        assert_eq!(counted.take(), expected.collect::<Vec<_>>(), "round {round}");
    }
}
