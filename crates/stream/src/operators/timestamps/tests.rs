use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::harness::{Driven, Item, Item::Record, Item::Watermark, Script};
use crate::graph::{Operator, Setup};
use crate::operators::OperatorFactory;
use crate::stage::{Signal, Stage};
use crate::task::{END_WATERMARK, TaskContext};
use crate::{StreamExecutionEnvironment, WatermarkStrategy};

/// What a stage behind saw.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    At(i64),
    Mark(i64),
    Idle(bool),
}

/// Notes all that passes.
#[derive(Clone, Default)]
struct Probe(Arc<Mutex<Vec<Seen>>>);

impl Probe {
    fn note(&self, seen: Seen) {
        self.0.lock().unwrap().push(seen);
    }

    fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

struct ProbeStage<N>(Probe, N);

impl<T: 'static> OperatorFactory<T> for Probe {
    type Out = T;
    type Stage<N: Stage<T> + 'static> = ProbeStage<N>;

    fn make<N: Stage<T> + 'static>(&self, next: N, _: &Operator, _: &mut Setup<'_>) -> ProbeStage<N> {
        ProbeStage(self.clone(), next)
    }
}

impl<T, N: Stage<T>> Stage<T> for ProbeStage<N> {
    fn record(&mut self, record: T, task: &mut TaskContext) {
        self.0.note(Seen::At(task.timestamp));
        self.1.record(record, task);
    }

    fn signal(&mut self, signal: &mut Signal<'_>, task: &mut TaskContext) {
        match signal {
            Signal::Watermark(time) => self.0.note(Seen::Mark(*time)),
            Signal::Idle(idle) => self.0.note(Seen::Idle(*idle)),
            _ => {}
        }
        self.1.signal(signal, task);
    }
}

/// A job with a strategy for numbers that are their own times, and what comes behind it.
fn watched<G: crate::WatermarkGenerator<i64>>(
    strategy: WatermarkStrategy<G>,
    interval_ms: u64,
) -> (Script<i64>, Driven, Probe) {
    let env = StreamExecutionEnvironment::new();
    env.set_auto_watermark_interval(Duration::from_millis(interval_ms));
    let (script, probe) = (Script::new(), Probe::default());
    script
        .stream(&env)
        .assign_timestamps_and_watermarks(strategy.with_timestamp_assigner(|number: &i64, _| *number))
        .then("Probe", probe.clone())
        .collect();
    (script.clone(), Driven::open(&env, 0), probe)
}

fn records(times: &[i64]) -> Vec<Item<i64>> {
    times.iter().map(|&time| Record(0, time)).collect()
}

#[test]
fn a_watermark_is_behind_the_latest_record_by_the_bound_and_never_goes_back() {
    for (bound_ms, times, mark) in [
        (0, &[5, 9, 9][..], 8),
        (0, &[5, 9, 2], 8),
        (4, &[5, 9, 2], 4),
        (4, &[-20], -25),
        (u64::MAX, &[0], -i64::MAX - 1),
    ] {
        let bound = Duration::from_millis(bound_ms);
        let (script, mut job, probe) = watched(WatermarkStrategy::for_bounded_out_of_orderness(bound), 200);
        script.feed(records(times));
        assert_eq!(job.run(0), Some(200));
        let seen: Vec<_> = times.iter().map(|&time| Seen::At(time)).collect();
        assert_eq!(probe.take(), seen, "no watermark before the interval");
        job.run(200);
        let expected = (mark > i64::MIN).then_some(Seen::Mark(mark));
        assert_eq!(probe.take(), Vec::from_iter(expected), "{bound_ms} {times:?}");
        script.feed(records(&[times[0] - 100]));
        job.run(400);
        assert_eq!(probe.take(), [Seen::At(times[0] - 100)]);
    }
}

#[test]
fn only_the_last_watermark_of_the_input_passes() {
    let (script, mut job, probe) = watched(WatermarkStrategy::no_watermarks(), 200);
    script.feed([Record(0, 7), Watermark(7)]);
    job.run(0);
    script.end();
    job.run(1000);
    assert_eq!(probe.take(), [Seen::At(7), Seen::Mark(END_WATERMARK)]);
}

#[test]
fn a_silent_subtask_is_idle_until_its_next_record() {
    let strategy = WatermarkStrategy::for_monotonous_timestamps().with_idleness(Duration::from_millis(1000));
    let (script, mut job, probe) = watched(strategy, 0);
    assert_eq!(job.run(0), Some(1000));
    script.feed(records(&[3]));
    assert_eq!(job.run(999), Some(1000));
    assert_eq!(job.run(1000), Some(2000), "a record came meanwhile");
    assert_eq!(probe.take(), [Seen::At(3), Seen::Mark(2)]);
    job.run(1999);
    assert_eq!(probe.take(), []);
    assert_eq!(job.run(2000), None);
    assert_eq!(probe.take(), [Seen::Idle(true)]);
    script.feed(records(&[4]));
    assert_eq!(job.run(9000), Some(10_000));
    assert_eq!(probe.take(), [Seen::Idle(false), Seen::At(4)]);
}

#[test]
fn the_end_ends_idleness_first() {
    let strategy = WatermarkStrategy::no_watermarks().with_idleness(Duration::from_millis(10));
    let (script, mut job, probe) = watched(strategy, 0);
    job.run(0);
    job.run(10);
    script.end();
    job.run(20);
    let expected = [Seen::Idle(true), Seen::Idle(false), Seen::Mark(END_WATERMARK)];
    assert_eq!(probe.take(), expected);
}
