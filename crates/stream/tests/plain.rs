//! Jobs that run to their end, without checkpoints.

use std::collections::BTreeMap;

use std::time::Duration;

use everspan_checkpoint::AbortReason;
use everspan_stream::{
    Collector, DiscardingSink, GeneratorSource, JobError, JobOptions, MapFunction, Progress, RestartStrategy,
    Result, RuntimeContext, Source, SourceReader, StreamExecutionEnvironment,
};

/// Counts the numbers below `numbers` by their remainder, divided among subtasks as said.
fn counts(numbers: u64, parallelism: usize, keyed_chaining: bool) -> BTreeMap<u64, u64> {
    let env = StreamExecutionEnvironment::new();
    env.set_parallelism(parallelism)
        .set_keyed_chaining(keyed_chaining);
    let counted = env
        .from_sequence(0, numbers - 1)
        .filter(|number| number % 2 == 0)
        .key_by(|number| number % 100)
        .map_with_state("count", |&key, count: &mut u64, _| {
            *count += 1;
            (key, *count)
        })
        .collect();
    env.execute("counts").expect("the job ends");
    let mut last = BTreeMap::new();
    for (key, count) in counted.take() {
        let known = last.insert(key, count).unwrap_or(0);
        assert_eq!(count, known + 1, "every count comes once, in order");
    }
    last
}

#[test]
fn every_record_is_counted_once_however_the_job_is_divided() {
    let expected: BTreeMap<u64, u64> = (0..100).step_by(2).map(|key| (key, 1000)).collect();
    for (parallelism, chained) in [(1, true), (1, false), (2, true), (3, true), (8, true)] {
        assert_eq!(
            counts(100_000, parallelism, chained),
            expected,
            "{parallelism} {chained}"
        );
    }
}

#[test]
fn a_union_has_the_records_of_all() {
    for keyed in [false, true] {
        let env = StreamExecutionEnvironment::new();
        env.set_parallelism(2);
        let odd = env.from_sequence(0, 999).map(|number| 2 * number + 1);
        let even = env.from_sequence(0, 999).map(|number| 2 * number);
        let more = env.from_collection(2000..3000u64);
        let all = odd.union(even).union(more);
        let seen = if keyed {
            all.key_by(|number| number % 7)
                .map_with_state("seen", |_, _: &mut u8, number| number)
                .collect()
        } else {
            all.collect()
        };
        env.execute("union").expect("the job ends");
        let mut numbers = seen.take();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..3000).collect::<Vec<_>>());
    }
}

#[test]
fn records_pass_rebalance_global_and_new_chains() {
    let env = StreamExecutionEnvironment::new();
    env.set_parallelism(3);
    let seen = env
        .from_sequence(1, 10_000)
        .rebalance()
        .start_new_chain()
        .map(|number| number * 2)
        .global()
        .set_parallelism(1)
        .collect();
    env.execute("exchanges").expect("the job ends");
    let mut numbers = seen.take();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=10_000).map(|number| number * 2).collect::<Vec<_>>());
}

/// Fails at one number.
#[derive(Clone)]
struct FailAt(u64);

impl MapFunction<u64> for FailAt {
    type Out = u64;

    fn map(&mut self, number: u64) -> Result<u64> {
        if number == self.0 {
            return Err(format!("{number} is not wanted").into());
        }
        Ok(number)
    }
}

#[test]
fn an_error_of_a_function_ends_the_job_and_names_operator_and_subtask() {
    let env = StreamExecutionEnvironment::new();
    env.set_parallelism(2);
    env.from_sequence(0, 1_000_000)
        .map_with(FailAt(700_000))
        .name("picky")
        .key_by(|number| *number)
        .map_with_state("seen", |_, _: &mut u8, number| number)
        .collect();
    let error = env.execute("fails").expect_err("the job fails");
    assert_eq!(
        error.to_string(),
        "subtask Source: Sequence -> picky (2/2) failed: operator `picky`: 700000 is not wanted"
    );
}

#[test]
fn a_panic_of_a_function_ends_the_job_and_says_whose_it_was_and_where_and_what_it_said() {
    let env = StreamExecutionEnvironment::new();
    env.from_sequence(0, 9)
        .map(|number| if number == 5 { panic!("no fives") } else { number })
        .collect();
    let error = env.execute("panics").expect_err("the job fails");
    let JobError::Failed { failure, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(failure.operator, "Map");
    let told = failure.reason.split_once("plain.rs:");
    assert!(
        told.is_some_and(
            |(before, after)| before.starts_with("panicked at ") && after.ends_with(": no fives")
        ),
        "{}",
        failure.reason
    );
}

#[test]
fn a_key_selector_that_panics_is_told_with_the_operator_whose_keys_they_are_and_the_subtask_that_called_it() {
    for (parallelism, expected) in [
        (
            2,
            "subtask Source: Sequence -> before (2/2) failed: operator `key_by of MapWithState` (uid `counts`): ",
        ),
        (
            1,
            "subtask Source: Sequence -> before -> MapWithState -> Sink (1/1) failed: operator `MapWithState` (uid `counts`): ",
        ),
    ] {
        let env = StreamExecutionEnvironment::new();
        env.set_parallelism(parallelism);
        let counted = env
            .from_collection([1u64, 2])
            .map(|number| number)
            .name("before")
            .key_by(|number| {
                assert!(*number != 2, "twos have no key");
                *number
            })
            .map_with_state("count", |_, count: &mut u64, number| {
                *count += 1;
                number
            })
            .uid("counts")
            .collect();
        let error = env.execute("keys").expect_err("a key cannot be told").to_string();
        let expected = expected.replace("Sequence", "Collection");
        let told = error.strip_prefix(expected.as_str());
        assert!(
            told.is_some_and(|told| told.starts_with("panicked at ") && told.ends_with(": twos have no key")),
            "{error}"
        );
        drop(counted);
    }
}

#[test]
fn a_uid_given_twice_and_too_many_subtasks_are_refused() {
    let env = StreamExecutionEnvironment::new();
    let stream = env.from_sequence(0, 9).map(|number| number).uid("same");
    stream.map(|number| number).uid("same").collect();
    let error = env.execute("twice").expect_err("two operators are one");
    assert_eq!(
        error.to_string(),
        "two operators have the uid `same`: give each its own"
    );

    let env = StreamExecutionEnvironment::new();
    env.set_max_parallelism(4).set_parallelism(5);
    env.from_sequence(0, 9).collect();
    let error = env.execute("wide").expect_err("key groups do not suffice");
    assert_eq!(
        error.to_string(),
        "task `Source: Sequence -> Sink` is to have 5 subtasks, but pipeline.max-parallelism is 4"
    );
}

#[test]
fn a_job_without_a_place_for_checkpoints_refuses_them_and_goes_on() {
    let env = StreamExecutionEnvironment::new();
    let numbers = GeneratorSource::new(u64::MAX, |number| number).per_second(1000);
    env.from_source(numbers, "numbers").sink_to(DiscardingSink);
    let handle = env
        .start("numbers", JobOptions::default())
        .expect("the job starts");
    let control = handle.control();
    for _ in 0..2 {
        let no_place = AbortReason::Store("execution.checkpointing.dir is unset".to_owned());
        assert_eq!(control.savepoint(), Err(no_place));
    }
    control.cancel();
    assert!(handle.wait().expect("the job has not failed").cancelled);

    let mut options = JobOptions::default();
    options.checkpoints.interval = Some(Duration::from_secs(1));
    let env = StreamExecutionEnvironment::new();
    env.from_sequence(0, 9).collect();
    let error = env.execute_with("nowhere", options).expect_err("nowhere to go");
    assert_eq!(
        error.to_string(),
        "execution.checkpointing.interval is 1s: execution.checkpointing.dir must be set"
    );
}

/// A source that cannot even say what there is to read.
#[derive(Clone)]
struct Broken;

impl Source for Broken {
    type Item = u64;
    type Split = u64;
    type Reader = NoReader;

    fn splits(&self, _parallelism: usize) -> Result<Vec<u64>> {
        panic!("no such topic")
    }

    fn reader(&self, _context: &RuntimeContext) -> Result<NoReader> {
        Ok(NoReader)
    }
}

struct NoReader;

impl SourceReader for NoReader {
    type Item = u64;
    type Split = u64;

    fn add_splits(&mut self, _splits: Vec<u64>) -> Result {
        Ok(())
    }

    fn poll_next(&mut self, _max: usize, _out: &mut impl Collector<u64>) -> Result<Progress> {
        Ok(Progress::End)
    }

    fn snapshot(&mut self) -> Result<Vec<u64>> {
        Ok(Vec::new())
    }
}

#[test]
fn a_panic_before_any_thread_runs_is_a_failure_of_the_job() {
    let dir = tempfile::tempdir().expect("there is a place for it");
    let env = StreamExecutionEnvironment::new();
    env.set_parallelism(2);
    env.from_source(Broken, "broken").sink_to(DiscardingSink);
    let mut options = JobOptions::checkpointing(dir.path().to_string_lossy(), Duration::from_secs(1));
    options.restart = Some(RestartStrategy::FixedDelay {
        attempts: 2,
        delay: Duration::ZERO,
    });
    let handle = env.start("broken", options).expect("the job starts");
    let control = handle.control();
    let error = handle.wait().expect_err("nothing can be read").to_string();
    assert!(
        error.starts_with("subtask Source: broken -> Sink (1/2) failed: operator `Source: broken`: "),
        "{error}"
    );
    assert!(
        error.contains("panicked at ") && error.ends_with(": no such topic"),
        "{error}"
    );
    assert_eq!(control.status().restarts, 2);
}
