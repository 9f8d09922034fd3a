//! Several reporters side by side.

use std::time::{Duration, Instant};

use everspan_export::{Mark, Pipeline, PipelineOptions, Reporter, Reporters};
use everspan_trace::catalog::{self, attr};
use everspan_trace::otlp::{EncodedSpans, encode_name};
use everspan_trace::{KeyValue, SpanFilter};
use tokio::runtime::Handle;

use super::{SECOND, options, span, start, until};
use crate::shelf::Shelf;

fn reporter(name: &str, shelf: &Shelf) -> Reporter {
    Reporter::new(start(PipelineOptions::new(name), shelf))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_hangs_blocks_neither_the_others_nor_the_writer() {
    let (hanging, good) = (Shelf::here(), Shelf::here());
    hanging.block();
    let dir = tempfile::tempdir().unwrap();
    let tight = PipelineOptions {
        queue_bytes_max: 30_000,
        ..options(&dir, 1 << 20)
    };
    let first = Reporter::new(start(tight, &hanging));
    let reporters = Reporters::new(vec![first, reporter("good", &good)]);
    let mut writer = reporters.writer();
    for number in 0..2_000 {
        writer.add(&span(number), None);
        writer.push(&[]);
        if number % 50 == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    until("the good one has all", || good.numbers().len() == 2_000).await;
    let secured = writer.secure();
    let wait = tokio::task::spawn_blocking(move || secured.wait_timeout(20 * SECOND));
    assert!(
        wait.await.unwrap(),
        "the spool has what the hanging one does not take"
    );
    let counters = reporters.counters();
    assert_eq!((counters[0].1.exported, counters[1].1.exported), (0, 2_000));
    assert_eq!(counters[0].1.spooled + counters[0].1.dropped.total(), 2_000);
    let begun = Instant::now();
    assert!(!reporters.shutdown(Duration::from_millis(50)).await);
    assert!(begun.elapsed() < 20 * SECOND, "a shutdown ends");
    hanging.unblock();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_takes_what_its_filter_lets_through_with_its_own_attributes() {
    let shelves: Vec<Shelf> = (0..4).map(|_| Shelf::here()).collect();
    let mut all: Vec<Reporter> = shelves.iter().map(|shelf| reporter("r", shelf)).collect();
    all[1].filter = SpanFilter::new(&["other:*"], &[] as &[&str]).unwrap();
    all[2].level_filter = "info,[invocation-attempt]=off".parse().unwrap();
    all[3].additional = vec![KeyValue::new("region", "eu")];
    let reporters = Reporters::new(all);
    let attempt = span(7);
    let mut other = span(8);
    other.scope = "other".into();
    other.name = "x".into();
    let mut writer = reporters.writer();
    assert!(writer.takes("everspan.invocation", "invocation-attempt Greeter/greet"));
    writer.add(&attempt, None);
    writer.add(&other, None);
    writer.push(&[]);
    assert!(reporters.flush(20 * SECOND).await);
    let taken: Vec<Vec<u64>> = shelves.iter().map(Shelf::numbers).collect();
    assert_eq!(taken, [vec![7, 8], vec![8], vec![8], vec![7, 8]]);
    let bytes: Vec<usize> = shelves.iter().map(Shelf::bytes).collect();
    assert!(bytes[3] > bytes[0], "the attribute of one goes to that one only");
}

/// The same as [`span`], with one attribute, written without a span in between.
fn encode(number: u64, spans: &mut EncodedSpans) {
    let like = span(number);
    let mut name = Vec::new();
    encode_name(&like.name, like.kind, &mut name);
    let mut span = spans.begin(&like.context, like.parent, false);
    span.copy(&name);
    span.times(like.start_ns, like.end_ns);
    span.attributes().int(&attr::ATTEMPT_NUMBER, 3);
    span.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn encoded_spans_arrive_wherever_the_same_spans_do() {
    let reporters = |shelves: &[Shelf]| {
        let mut all: Vec<Reporter> = shelves.iter().map(|shelf| reporter("r", shelf)).collect();
        all[1].filter = SpanFilter::new(&["other:*"], &[] as &[&str]).unwrap();
        all[2].level_filter = "info,[{everspan.attempt.number=3}]=off".parse().unwrap();
        all[3].level_filter = "info,[{everspan.attempt.number=4}]=off".parse().unwrap();
        all[4].additional = vec![KeyValue::new("region", "eu"), attr::ATTEMPT_NUMBER.value(9)];
        Reporters::new(all)
    };
    let [one_by_one, encoded] = [0, 1].map(|_| (0..6).map(|_| Shelf::here()).collect::<Vec<_>>());
    let (first, second) = (reporters(&one_by_one), reporters(&encoded));
    let (mut add, mut add_encoded) = (first.writer(), second.writer());
    let mut spans = EncodedSpans::new(catalog::INVOCATION_SCOPE);
    for number in 7..9 {
        let mut span = span(number);
        span.attributes.push(attr::ATTEMPT_NUMBER.value(3));
        add.add(&span, Some((1, number)));
        encode(number, &mut spans);
    }
    add_encoded.add_encoded(&spans, Some((1, 8)));
    add.push(&[]);
    add_encoded.push(&[]);
    assert!(first.flush(20 * SECOND).await && second.flush(20 * SECOND).await);
    for (number, (first, second)) in one_by_one.iter().zip(&encoded).enumerate() {
        let expected = if [1, 2].contains(&number) {
            vec![]
        } else {
            vec![7, 8]
        };
        assert_eq!(first.numbers(), expected, "reporter {number}");
        assert_eq!(second.numbers(), expected, "reporter {number}");
        assert_eq!(first.bytes(), second.bytes(), "reporter {number}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replayed_span_goes_only_where_it_is_missing() {
    let (ahead, behind) = (Shelf::here(), Shelf::here());
    let begin = |shelf: &Shelf, upto| {
        let baseline = [Mark { source: 1, upto }, Mark { source: 4, upto: 9 }];
        let pipeline = Pipeline::start(
            PipelineOptions::new("r"),
            shelf.destination(),
            &baseline,
            &Handle::current(),
        );
        Reporter::new(pipeline.unwrap())
    };
    let reporters = Reporters::new(vec![begin(&ahead, 20), begin(&behind, 10)]);
    assert_eq!((reporters.position(1), reporters.position(4)), (10, 9));
    assert_eq!(reporters.position(3), 0, "nothing is known of it");
    assert_eq!(
        Reporters::default().position(3),
        u64::MAX,
        "nobody needs anything"
    );
    let mut writer = reporters.writer();
    for seq in [10, 11] {
        writer.add(&span(seq), Some((1, seq)));
    }
    for seq in [20, 21] {
        let mut spans = EncodedSpans::new(catalog::INVOCATION_SCOPE);
        encode(seq, &mut spans);
        writer.add_encoded(&spans, Some((1, seq)));
    }
    writer.add(&span(1), Some((3, 1)));
    writer.add(&span(2), None);
    writer.push(&[]);
    assert!(reporters.shutdown(20 * SECOND).await);
    assert_eq!(ahead.numbers(), [21, 1, 2]);
    assert_eq!(behind.numbers(), [11, 20, 21, 1, 2]);
}
