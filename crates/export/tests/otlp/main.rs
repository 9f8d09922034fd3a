//! A pipeline against a real OTLP/gRPC collector on a loopback socket.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod collector;
mod without_process;

use std::time::Duration;

use collector::{Answer, Collector, PATIENCE, Place};
use everspan_export::{OtlpOptions, Pipeline, PipelineOptions, SpanSink, otlp as destinations};
use everspan_trace::{KeyValue, Span, SpanContext, catalog, derive_span_id, derive_trace_id, otlp};
use tokio::runtime::Handle;

fn start(options: OtlpOptions) -> Pipeline {
    start_with(options, PipelineOptions::new("otlp"))
}

fn start_with(options: OtlpOptions, pipeline: PipelineOptions) -> Pipeline {
    let destination = destinations::destination(options).unwrap();
    Pipeline::start(pipeline, destination, &[], &Handle::current()).unwrap()
}

fn options(collector: &Collector) -> OtlpOptions {
    OtlpOptions::new(format!("http://{}", collector.address))
}

/// Pushes the spans numbered `from..to`, one by one.
fn push(sink: &SpanSink, from: u64, to: u64) {
    for number in from..to {
        let context = SpanContext::sampled(
            derive_trace_id(&number.to_le_bytes()),
            derive_span_id(&number.to_le_bytes(), 0),
        );
        let mut span = Span::new(&catalog::ATTEMPT, "Greeter/greet", context, number, number + 1);
        span.attributes.push(catalog::attr::INVOCATION_ID.value("inv_1"));
        let mut bytes = Vec::new();
        otlp::encode_span(&span, &mut bytes);
        sink.push(catalog::INVOCATION_SCOPE, &bytes, 1, &[]);
    }
}

async fn until_failures(pipeline: &Pipeline, count: u64) {
    while pipeline.counters().failed_deliveries < count {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_span_arrives_by_itself_with_headers_resource_and_scope() {
    let collector = Collector::start();
    let mut options = options(&collector);
    options
        .headers
        .insert("Authorization".into(), "Bearer token".into());
    options.resource = vec![KeyValue::new("service.name", "Everspan")];
    let pipeline = start(options);
    push(&pipeline.sink(), 5, 6);
    collector.until_spans(1).await;

    let received = collector.received().remove(0);
    assert_eq!(received.header("authorization"), "Bearer token");
    assert!(
        received
            .header("user-agent")
            .starts_with(concat!("Everspan/", env!("CARGO_PKG_VERSION")))
    );
    let resource_spans = &received.request.resource_spans[0];
    assert_eq!(
        resource_spans.resource.as_ref().unwrap().attributes[0].key,
        "service.name"
    );
    let scope_spans = &resource_spans.scope_spans[0];
    assert_eq!(scope_spans.scope.as_ref().unwrap().name, "everspan.invocation");
    let span = &scope_spans.spans[0];
    assert_eq!(
        (span.name.as_str(), span.start_time_unix_nano),
        ("invocation-attempt Greeter/greet", 5)
    );
    assert_eq!(span.span_id, derive_span_id(&5u64.to_le_bytes(), 0).0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_spans_of_many_threads_all_arrive_once() {
    let collector = Collector::start();
    let pipeline = start(options(&collector));
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let sink = pipeline.sink();
            scope.spawn(move || push(&sink, worker * 5_000, (worker + 1) * 5_000));
        }
    });
    assert!(pipeline.flush(PATIENCE).await);
    assert_eq!(collector.starts(), (0..20_000).collect::<Vec<u64>>());
    let counters = pipeline.counters();
    assert_eq!(
        (counters.exported, counters.queued, counters.dropped.total()),
        (20_000, 0, 0)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_comes_late_gets_everything() {
    let place = Place::reserve();
    let pipeline = start(OtlpOptions::new(format!("grpc://{}", place.address)));
    let sink = pipeline.sink();
    push(&sink, 0, 3_000);
    until_failures(&pipeline, 3).await;
    push(&sink, 3_000, 3_010);
    assert_eq!(pipeline.counters().queued, 3_010);
    let collector = Collector::start_at(place);
    collector.until_spans(3_010).await;
    assert!(pipeline.flush(PATIENCE).await);
    assert_eq!(collector.starts(), (0..3_010).collect::<Vec<u64>>());
    let counters = pipeline.counters();
    assert_eq!((counters.exported, counters.dropped.total()), (3_010, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_goes_and_comes_back_misses_nothing() {
    let place = Place::reserve();
    let later = place.again();
    let first = Collector::start_at(place);
    let pipeline = start(options(&first));
    push(&pipeline.sink(), 0, 10);
    assert!(pipeline.flush(PATIENCE).await);
    first.stop().await;
    push(&pipeline.sink(), 10, 20);
    until_failures(&pipeline, 2).await;
    let second = Collector::start_at(later);
    second.until_spans(10).await;
    assert_eq!(second.starts(), (10..20).collect::<Vec<u64>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_drops_new_spans_and_counts_them_exactly() {
    let place = Place::reserve();
    let options = PipelineOptions {
        queue_bytes_max: 10_000,
        ..PipelineOptions::new("otlp")
    };
    let pipeline = start_with(OtlpOptions::new(format!("http://{}", place.address)), options);
    push(&pipeline.sink(), 0, 1_000);
    let counters = pipeline.counters();
    assert!(counters.queued > 50, "{counters:?}");
    assert_eq!(counters.queued + counters.dropped.queue_full, 1_000);
    let collector = Collector::start_at(place);
    assert!(pipeline.flush(PATIENCE).await);
    assert_eq!(collector.starts(), (0..counters.queued).collect::<Vec<u64>>());
    assert_eq!(pipeline.counters().exported, counters.queued);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_sends_what_waits_and_takes_no_more() {
    let collector = Collector::start();
    let slow = PipelineOptions {
        batch_delay: Duration::from_secs(3600),
        ..PipelineOptions::new("otlp")
    };
    let pipeline = start_with(options(&collector), slow);
    push(&pipeline.sink(), 0, 100);
    assert!(pipeline.shutdown(PATIENCE).await);
    assert_eq!(collector.starts().len(), 100);
    push(&pipeline.sink(), 100, 107);
    assert_eq!(pipeline.counters().dropped.shutdown, 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_without_a_collector_ends_at_its_deadline() {
    let place = Place::reserve();
    let pipeline = start(OtlpOptions::new(format!("http://{}", place.address)));
    push(&pipeline.sink(), 0, 10);
    let shutdown = pipeline.shutdown(Duration::from_millis(300));
    assert_eq!(tokio::time::timeout(PATIENCE, shutdown).await, Ok(false));
    let counters = pipeline.counters();
    assert_eq!((counters.dropped.shutdown, counters.queued), (10, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passing_trouble_is_retried_and_refusals_are_counted() {
    let collector = Collector::start();
    let pipeline = start(options(&collector));
    collector.answer([
        Answer::Unavailable,
        Answer::ExhaustedFor(Duration::from_millis(50)),
        Answer::Take,
    ]);
    push(&pipeline.sink(), 0, 10);
    assert!(pipeline.flush(PATIENCE).await);
    assert_eq!(
        (
            pipeline.counters().exported,
            pipeline.counters().failed_deliveries
        ),
        (10, 2)
    );

    collector.answer([Answer::Refuse]);
    push(&pipeline.sink(), 10, 15);
    assert!(!pipeline.flush(PATIENCE).await);
    assert_eq!(pipeline.counters().dropped.rejected, 5);

    collector.answer([Answer::TakeAllBut(2)]);
    push(&pipeline.sink(), 15, 20);
    assert!(!pipeline.flush(PATIENCE).await);
    let counters = pipeline.counters();
    assert_eq!(
        (counters.exported, counters.dropped.rejected, counters.queued),
        (13, 7, 0)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_does_not_answer_is_asked_again() {
    let collector = Collector::start();
    let mut options = options(&collector);
    options.timeout = Duration::from_millis(200);
    let pipeline = start(options);
    collector.answer([Answer::Never]);
    push(&pipeline.sink(), 0, 10);
    assert!(pipeline.flush(PATIENCE).await);
    let counters = pipeline.counters();
    assert_eq!(counters.exported, 10);
    assert!(counters.failed_deliveries > 0, "{counters:?}");
}

#[test]
fn a_wrong_endpoint_is_an_error_at_the_start() {
    let Err(error) = destinations::destination(OtlpOptions::new("ftp://collector:4317")) else {
        panic!("nobody speaks OTLP over ftp")
    };
    assert!(
        error.to_string().contains("`ftp://collector:4317` must start"),
        "{error}"
    );
}
