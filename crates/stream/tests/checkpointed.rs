//! Jobs with checkpoints: what comes out is as if nothing had ever failed.

#[path = "paced/source.rs"]
mod paced;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use everspan_checkpoint::AbortReason;
use everspan_stream::{
    CheckpointingMode, JobError, JobOptions, MapFunction, RestartStrategy, Result, Start,
    StreamExecutionEnvironment,
};
use everspan_trace::{Span, SpanReceiver};
use paced::Paced;

const KEYS: u64 = 50;

/// Fails once, at one number.
#[derive(Clone)]
struct FailOnce {
    at: u64,
    failed: Arc<AtomicBool>,
}

impl FailOnce {
    fn at(at: u64) -> Self {
        Self {
            at,
            failed: Arc::default(),
        }
    }
}

impl MapFunction<u64> for FailOnce {
    type Out = u64;

    fn map(&mut self, number: u64) -> Result<u64> {
        if number == self.at && !self.failed.swap(true, Ordering::Relaxed) {
            return Err("the disk is on fire".into());
        }
        Ok(number)
    }
}

fn options(dir: &std::path::Path) -> JobOptions {
    let mut options = JobOptions::checkpointing(dir.to_string_lossy(), Duration::from_millis(5));
    options.restart = Some(RestartStrategy::FixedDelay {
        attempts: 3,
        delay: Duration::ZERO,
    });
    options
}

/// Counts numbers by key; returns the highest count of each key.
fn counts(
    env: &StreamExecutionEnvironment,
    source: Paced,
    fail: FailOnce,
) -> impl Fn() -> BTreeMap<u64, u64> {
    let counted = env
        .from_source(source, "numbers")
        .uid("numbers")
        .map_with(fail)
        .key_by(|number| number % KEYS)
        .map_with_state("count", |&key, count: &mut u64, _| {
            *count += 1;
            (key, *count)
        })
        .uid("count")
        .collect();
    move || {
        let mut highest = BTreeMap::new();
        for (key, count) in counted.take() {
            let known = highest.entry(key).or_insert(0);
            *known = count.max(*known);
        }
        highest
    }
}

fn all(numbers: u64) -> BTreeMap<u64, u64> {
    (0..KEYS).map(|key| (key, numbers / KEYS)).collect()
}

#[test]
fn after_a_failure_every_record_counts_once() {
    for parallelism in [1, 3] {
        for mode in [CheckpointingMode::ExactlyOnce, CheckpointingMode::AtLeastOnce] {
            let dir = tempfile::tempdir().unwrap();
            let env = StreamExecutionEnvironment::new();
            env.set_parallelism(parallelism);
            let counted = counts(&env, Paced::new(5000, 500), FailOnce::at(3601));
            let mut options = options(dir.path());
            options.mode = mode;
            env.execute_with("counts", options).expect("the job recovers");
            let counted = counted();
            let expected = all(5000);
            if mode == CheckpointingMode::ExactlyOnce || parallelism == 1 {
                assert_eq!(counted, expected, "{parallelism}");
            } else {
                assert!(
                    expected.iter().all(|(key, count)| counted[key] >= *count),
                    "none is lost"
                );
            }
        }
    }
}

#[test]
fn unaligned_checkpoints_lose_and_repeat_nothing() {
    let rows = [
        (20_000, 500, 13_601, None),
        (2000, 50, 1361, None),
        (20_000, 500, 13_601, Some(0)),
    ];
    for (numbers, chunk, fail_at, timeout) in rows {
        for parallelism in [1, 3] {
            let dir = tempfile::tempdir().unwrap();
            let env = StreamExecutionEnvironment::new();
            env.set_parallelism(parallelism).set_keyed_chaining(false);
            let counted = counts(&env, Paced::new(numbers, chunk), FailOnce::at(fail_at));
            let mut options = options(dir.path());
            options.checkpoints.unaligned = true;
            options.aligned_timeout = timeout.map(Duration::from_millis);
            env.execute_with("unaligned", options).expect("the job recovers");
            assert_eq!(
                counted(),
                all(numbers),
                "{numbers} {chunk} {timeout:?} {parallelism}"
            );
        }
    }
}

#[test]
fn a_savepoint_goes_on_at_another_parallelism() {
    let dir = tempfile::tempdir().unwrap();
    let total = 20_000;
    let mut start = Start::Fresh;
    let mut highest = BTreeMap::new();
    for (parallelism, pause_at) in [(1, 7_000), (4, 14_000), (2, u64::MAX)] {
        let env = StreamExecutionEnvironment::new();
        env.set_parallelism(parallelism);
        let source = Paced::new(total, 500).pausing_at(pause_at);
        let counted = counts(&env, source, FailOnce::at(u64::MAX));
        let mut options = options(dir.path());
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
            assert!(!job.wait().expect("the job stops").cancelled);
        }
        for (key, count) in counted() {
            let known = highest.entry(key).or_insert(0);
            assert!(count > *known, "counts go on where the savepoint has them");
            *known = count;
        }
    }
    assert_eq!(highest, all(total));
}

#[derive(Default)]
struct Spans(Mutex<Vec<Span>>);

impl SpanReceiver for Spans {
    fn add(&self, span: Span) {
        self.0
            .lock()
            .expect("no test panics while it adds a span")
            .push(span);
    }
}

#[test]
fn starts_checkpoints_and_failures_are_told_and_linked() {
    let dir = tempfile::tempdir().unwrap();
    let env = StreamExecutionEnvironment::new();
    env.set_parallelism(2);
    let _counts = counts(&env, Paced::new(5000, 500), FailOnce::at(3601));
    let spans = Arc::new(Spans::default());
    let mut options = options(dir.path());
    options.spans = Some(spans.clone());
    env.execute_with("told", options).expect("the job recovers");

    let spans = spans.0.lock().unwrap();
    let named = |name: &str| -> Vec<&Span> { spans.iter().filter(|span| span.name == name).collect() };
    let starts = named("JobInitialization");
    assert_eq!(starts.len(), 2);
    let failures = named("JobFailure");
    assert_eq!(failures.len(), 1);
    let linked: Vec<_> = starts[1].links.iter().map(|link| link.context.span_id).collect();
    assert!(
        linked.contains(&failures[0].context.span_id),
        "the failure is why"
    );
    let restored = linked.iter().find(|id| **id != failures[0].context.span_id);
    let restored = named("Checkpoint")
        .into_iter()
        .find(|span| Some(&span.context.span_id) == restored);
    let attribute = |span: &Span, key: &str| span.attributes.iter().find(|of| of.key == key).cloned();
    assert_eq!(
        attribute(
            restored.expect("the checkpoint it restored was told"),
            "checkpointId"
        )
        .map(|of| of.value),
        attribute(starts[1], "checkpointId").map(|of| of.value)
    );
    for key in [
        "maxRestoreStateDurationMs",
        "sumRestoredStateSizeBytes.LOCAL_MEMORY",
        "maxInitializeStateDurationMs",
    ] {
        assert!(
            attribute(starts[1], key).is_some(),
            "{key}: {:?}",
            starts[1].attributes
        );
    }
    assert_eq!(
        named("JobInitialization_Subtask").len(),
        8,
        "two starts, two tasks, two subtasks"
    );
}

#[test]
fn whoever_asks_for_a_checkpoint_has_one_span_under_a_number_of_its_own_also_between_two_runs() {
    let dir = tempfile::tempdir().unwrap();
    let env = StreamExecutionEnvironment::new();
    let _counts = counts(&env, Paced::new(1000, 100), FailOnce::at(u64::MAX));
    let broken = Arc::new(AtomicBool::new(true));
    let is_broken = broken.clone();
    env.from_source(Paced::new(1000, 100), "broken")
        .map(move |number| {
            assert!(number < 500 || !is_broken.load(Ordering::Relaxed), "broken");
            number
        })
        .collect();
    let spans = Arc::new(Spans::default());
    let mut options = options(dir.path());
    options.spans = Some(spans.clone());
    options.restart = Some(RestartStrategy::FixedDelay {
        attempts: u32::MAX,
        delay: Duration::from_millis(3),
    });
    let job = env.start("asked", options).expect("the job starts");
    let control = job.control();
    let mut refused = 0;
    while control.status().restarts < 3 {
        refused += usize::from(control.checkpoint() == Err(AbortReason::NotAllTasksRunning));
    }
    broken.store(false, Ordering::Relaxed);
    job.wait().expect("it is mended");

    let spans = spans.0.lock().unwrap();
    let spans = spans.iter().filter(|span| span.name == "Checkpoint");
    let (mut ids, mut refusals) = (BTreeSet::new(), 0);
    for span in spans {
        let id = span.attributes.iter().find(|of| of.key == "checkpointId");
        let id = format!("{:?}", id.expect("it has a number").value);
        assert!(ids.insert(id.clone()), "{id} was used twice");
        refusals += usize::from(format!("{:?}", span.status).contains("not all required tasks"));
    }
    assert_eq!(refusals, refused);
}

/// Why the job does not begin: at once, although its strategy would restart it for ever.
fn refused(env: &StreamExecutionEnvironment, job: &str, dir: &std::path::Path) -> JobError {
    let mut options = options(dir);
    options.restart = Some(RestartStrategy::FixedDelay {
        attempts: u32::MAX,
        delay: Duration::ZERO,
    });
    let handle = env.start(job, options).expect("the options are right");
    let control = handle.control();
    let error = handle.wait().expect_err("the checkpoint does not fit");
    assert_eq!(control.status().restarts, 0, "{error}");
    error
}

#[test]
fn a_checkpoint_that_does_not_fit_the_program_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let env = StreamExecutionEnvironment::new();
    let _counts = counts(&env, Paced::new(1000, 500), FailOnce::at(u64::MAX));
    env.execute_with("first", options(dir.path()))
        .expect("the job ends");

    let env = StreamExecutionEnvironment::new();
    env.from_source(Paced::new(1000, 500), "numbers")
        .uid("numbers")
        .key_by(|number| number % KEYS)
        .map_with_state("count", |_, count: &mut i32, _| *count += 1)
        .uid("count")
        .collect();
    let error = refused(&env, "changed", dir.path());
    assert!(
        error.to_string().ends_with(
            "operator `MapWithState` (uid `count`): the state `count` holds u64 version 1 by u64 in the checkpoint, \
             the program says i32 version 1 by u64"
        ),
        "{error}"
    );

    let env = StreamExecutionEnvironment::new();
    env.from_source(Paced::new(1000, 500), "numbers")
        .uid("numbers")
        .key_by(|number| i64::try_from(number % KEYS).expect("a small number"))
        .map_with_state("count", |_, count: &mut u64, _| *count += 1)
        .uid("count")
        .collect();
    let error = refused(&env, "other keys", dir.path()).to_string();
    assert!(
        error.contains(" by u64 in the checkpoint, the program says "),
        "{error}"
    );
    assert!(error.ends_with(" by i64"), "{error}");

    let env = StreamExecutionEnvironment::new();
    env.set_max_parallelism(64);
    let _counts = counts(&env, Paced::new(1000, 500), FailOnce::at(u64::MAX));
    let error = refused(&env, "fewer key groups", dir.path());
    assert!(
        error
            .to_string()
            .ends_with("operator `count` has 128 key groups, pipeline.max-parallelism is 64"),
        "{error}"
    );

    let env = StreamExecutionEnvironment::new();
    env.from_source(Paced::new(1000, 500), "numbers")
        .uid("numbers")
        .collect();
    let error = refused(&env, "smaller", dir.path());
    assert!(
        matches!(&error, JobError::Unclaimed { uid, .. } if uid == "count"),
        "{error}"
    );

    let env = StreamExecutionEnvironment::new();
    env.from_source(Paced::new(1000, 500), "numbers")
        .uid("numbers")
        .collect();
    let mut dropping = options(dir.path());
    dropping.drops_unclaimed = true;
    env.execute_with("dropping", dropping)
        .expect("the counts are dropped");
}
