//! Pipelines with a destination in the same process, whose answers a test chooses, and a directory that is looked at
//! as a crash would leave it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod crash;
mod reporters;
mod shelf;

use std::time::{Duration, Instant};

use everspan_export::{Mark, Pipeline, PipelineOptions, SpanSink, SpoolOptions};
use everspan_trace::{Span, SpanContext, catalog, derive_span_id, derive_trace_id, otlp};
use shelf::{Answer, Shelf};
use tempfile::TempDir;
use tokio::runtime::Handle;

const SECOND: Duration = Duration::from_secs(1);

/// A span that is known by its number.
pub(crate) fn span(number: u64) -> Span {
    let seed = number.to_le_bytes();
    let context = SpanContext::sampled(derive_trace_id(&seed), derive_span_id(&seed, 0));
    Span::new(&catalog::ATTEMPT, "Greeter/greet", context, number, number + 1)
}

/// Pushes the spans numbered `from..to` of source 1, one by one, each with its mark.
pub(crate) fn push(sink: &SpanSink, from: u64, to: u64) {
    let mut bytes = Vec::new();
    for number in from..to {
        bytes.clear();
        otlp::encode_span(&span(number), &mut bytes);
        let mark = Mark {
            source: 1,
            upto: number,
        };
        sink.push(catalog::INVOCATION_SCOPE, &bytes, 1, &[mark]);
    }
}

pub(crate) fn options(dir: &TempDir, spool_bytes_max: u64) -> PipelineOptions {
    PipelineOptions {
        batch_spans_max: 100,
        batch_delay: Duration::from_millis(10),
        spool: Some(SpoolOptions {
            dir: dir.path().to_owned(),
            bytes_max: spool_bytes_max,
        }),
        ..PipelineOptions::new("test")
    }
}

pub(crate) fn start(options: PipelineOptions, shelf: &Shelf) -> Pipeline {
    Pipeline::start(options, shelf.destination(), &[], &Handle::current()).unwrap()
}

/// Nothing is counted twice, nothing not at all.
pub(crate) fn check_sum(pipeline: &Pipeline) {
    let counters = pipeline.counters();
    assert_eq!(
        counters.pushed + counters.resumed,
        counters.exported + counters.dropped.total() + counters.queued + counters.spooled,
        "{counters:?}"
    );
}

/// Waits until it is so; a test that fails does not hang.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < 20 * SECOND, "not in 20 s: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_into_memory_waits_on_disk_and_arrives_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = Shelf::away();
    let options = PipelineOptions {
        queue_bytes_max: 60_000,
        ..options(&dir, 1 << 20)
    };
    let pipeline = start(options, &shelf);
    for part in 0..30 {
        push(&pipeline.sink(), part * 100, (part + 1) * 100);
        until("there is room in memory", || {
            pipeline.counters().queued < 400 || pipeline.counters().dropped.total() > 0
        })
        .await;
        check_sum(&pipeline);
    }
    let counters = pipeline.counters();
    assert_eq!(counters.dropped.total(), 0, "{counters:?}");
    assert!(
        counters.spooled > 2_000 && counters.spool_bytes > 200_000,
        "{counters:?}"
    );
    shelf.come_back();
    assert!(pipeline.flush(20 * SECOND).await);
    assert_eq!(shelf.numbers(), (0..3_000).collect::<Vec<u64>>());
    let counters = pipeline.counters();
    assert_eq!(
        (counters.exported, counters.queued, counters.spooled),
        (3_000, 0, 0)
    );
    until("the files are gone", || pipeline.counters().spool_bytes == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_leaves_the_rest_for_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = Shelf::away();
    let pipeline = start(options(&dir, 1 << 20), &shelf);
    push(&pipeline.sink(), 0, 250);
    assert!(!pipeline.shutdown(Duration::from_millis(50)).await);
    push(&pipeline.sink(), 250, 257);
    let counters = pipeline.counters();
    assert_eq!(
        (counters.spooled, counters.queued, counters.dropped.shutdown),
        (250, 0, 7)
    );
    check_sum(&pipeline);
    drop(pipeline);

    shelf.come_back();
    let pipeline = start(options(&dir, 1 << 20), &shelf);
    assert_eq!(pipeline.counters().resumed, 250);
    assert_eq!(pipeline.position(1), Some(249), "all of them are safe");
    push(&pipeline.sink(), 250, 300);
    assert!(pipeline.shutdown(20 * SECOND).await);
    assert_eq!(shelf.numbers(), (0..300).collect::<Vec<u64>>());
    drop(pipeline);

    let pipeline = start(options(&dir, 1 << 20), &shelf);
    assert_eq!(
        (pipeline.counters().resumed, pipeline.position(1)),
        (0, Some(299))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_does_not_wait_for_who_is_away_when_there_is_a_spool() {
    const HOUR: Duration = Duration::from_secs(3600);
    for pushed_before in [0, 250] {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::away();
        let pipeline = start(options(&dir, 1 << 20), &shelf);
        push(&pipeline.sink(), 0, pushed_before);
        until("the first spans met nobody", || {
            pushed_before == 0 || pipeline.counters().failed_deliveries > 0
        })
        .await;
        push(&pipeline.sink(), pushed_before, 300);
        let shutdown = tokio::time::timeout(20 * SECOND, pipeline.shutdown(HOUR)).await;
        assert_eq!(shutdown, Ok(false), "it ends at the first failure");
        let counters = pipeline.counters();
        assert_eq!((counters.spooled, counters.dropped.total()), (300, 0));
        drop(pipeline);

        shelf.come_back();
        let pipeline = start(options(&dir, 1 << 20), &shelf);
        assert!(pipeline.shutdown(20 * SECOND).await);
        assert_eq!(shelf.numbers(), (0..300).collect::<Vec<u64>>());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_without_a_spool_asks_again_and_again() {
    let shelf = Shelf::here();
    let pipeline = start(PipelineOptions::new("no spool"), &shelf);
    shelf.answer(Answer::Later);
    shelf.answer(Answer::Later);
    push(&pipeline.sink(), 0, 10);
    assert!(pipeline.shutdown(20 * SECOND).await);
    assert_eq!(pipeline.counters().failed_deliveries, 2);
    assert_eq!(shelf.numbers(), (0..10).collect::<Vec<u64>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_without_a_spool_drops_and_counts_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = Shelf::away();
    for options in [PipelineOptions::new("no directory"), options(&dir, 0)] {
        let pipeline = start(options, &shelf);
        push(&pipeline.sink(), 0, 10);
        assert!(pipeline.sink().secure().is_done(), "nothing is promised");
        assert!(!pipeline.shutdown(Duration::from_millis(20)).await);
        let counters = pipeline.counters();
        assert_eq!((counters.dropped.shutdown, counters.queued), (10, 0));
        check_sum(&pipeline);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tiny_spool_drops_the_newest_and_counts_them_exactly() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = Shelf::away();
    let options = PipelineOptions {
        queue_bytes_max: 20_000,
        batch_spans_max: 10,
        ..options(&dir, 30_000)
    };
    let pipeline = start(options, &shelf);
    for number in 0..2_000 {
        push(&pipeline.sink(), number, number + 1);
        if number % 10 == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        check_sum(&pipeline);
    }
    let counters = pipeline.counters();
    let waiting = counters.queued + counters.spooled;
    assert!(counters.spool_bytes <= 30_000, "{counters:?}");
    assert!(
        counters.spooled > 100 && counters.dropped.spool_full > 0,
        "{counters:?}"
    );
    assert_eq!(waiting + counters.dropped.total(), 2_000);
    shelf.come_back();
    assert!(pipeline.flush(20 * SECOND).await);
    let arrived = shelf.numbers();
    assert_eq!(arrived.len() as u64, waiting);
    assert!(arrived.is_sorted(), "each once, in order");
    assert_eq!(pipeline.counters().exported, waiting);
    push(&pipeline.sink(), 5_000, 5_010);
    assert!(pipeline.flush(20 * SECOND).await, "there is room again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_is_refused_or_panicked_at_does_not_hold_up_the_next() {
    let shelf = Shelf::here();
    let pipeline = start(PipelineOptions::new("test"), &shelf);
    let cases = [
        (Answer::Refuse, 0, 10),
        (Answer::Panic, 0, 10),
        (Answer::TakeAllBut(3), 7, 3),
        (Answer::Later, 10, 0),
        (Answer::Take, 10, 0),
    ];
    for (answer, exported, rejected) in cases {
        let before = pipeline.counters();
        shelf.answer(answer);
        push(&pipeline.sink(), 0, 10);
        assert_eq!(pipeline.flush(20 * SECOND).await, rejected == 0, "{answer:?}");
        let after = pipeline.counters();
        assert_eq!(
            (
                after.exported - before.exported,
                after.dropped.rejected - before.dropped.rejected
            ),
            (exported, rejected),
            "{answer:?}"
        );
        check_sum(&pipeline);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_without_an_end_is_begun_again() {
    let shelf = Shelf::here();
    let options = PipelineOptions {
        delivery_timeout: Duration::from_millis(30),
        ..PipelineOptions::new("test")
    };
    let pipeline = start(options, &shelf);
    shelf.answer(Answer::Never);
    push(&pipeline.sink(), 0, 10);
    assert!(pipeline.flush(20 * SECOND).await);
    assert_eq!(pipeline.counters().failed_deliveries, 1);
    assert_eq!(shelf.numbers(), (0..10).collect::<Vec<u64>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_belongs_to_one_pipeline() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = Shelf::here();
    let first = start(options(&dir, 1 << 20), &shelf);
    let second = Pipeline::start(
        options(&dir, 1 << 20),
        shelf.destination(),
        &[],
        &Handle::current(),
    );
    let error = second.unwrap_err().to_string();
    assert!(
        error.contains("lock` cannot be used: another process uses it"),
        "{error}"
    );
    drop(first);
    start(options(&dir, 1 << 20), &shelf);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let mut options = options(&dir, 1 << 20);
    options.spool = Some(SpoolOptions {
        dir: file.join("spool"),
        bytes_max: 1,
    });
    let shelf = Shelf::here();
    let started = Pipeline::start(options, shelf.destination(), &[], &Handle::current());
    let error = started.unwrap_err().to_string();
    assert!(error.contains("file/spool` cannot be used: "), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_reporter_begins_at_the_baseline_and_an_old_one_is_never_ahead_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = Shelf::here();
    let start = |upto| {
        let baseline = [Mark { source: 1, upto }];
        Pipeline::start(
            options(&dir, 0),
            shelf.destination(),
            &baseline,
            &Handle::current(),
        )
        .unwrap()
    };
    let pipeline = start(40);
    assert_eq!((pipeline.position(1), pipeline.position(2)), (Some(40), None));
    push(&pipeline.sink(), 41, 51);
    assert!(pipeline.shutdown(20 * SECOND).await);
    drop(pipeline);
    assert_eq!(start(70).position(1), Some(50));
    assert_eq!(start(45).position(1), Some(45), "an older log was put back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn marks_without_spans_are_written_down_too() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = Shelf::here();
    let pipeline = start(options(&dir, 1 << 20), &shelf);
    pipeline.sink().push("", &[], 0, &[Mark { source: 1, upto: 9 }]);
    assert!(pipeline.shutdown(20 * SECOND).await);
    drop(pipeline);
    assert_eq!(start(options(&dir, 1 << 20), &shelf).position(1), Some(9));
    assert_eq!(shelf.deliveries(), 0);
}
