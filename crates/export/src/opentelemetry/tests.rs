use std::borrow::Cow;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use everspan_trace::{Event, Link, SpanContext, SpanId, SpanKind, Status, TraceId};
use opentelemetry::trace as otel;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData};
use proptest::prelude::*;

use super::*;
use crate::decode::arbitrary::{bare_span, batch, spans};

fn options() -> ExporterOptions {
    let resource = vec![KeyValue::new("service.name", "Everspan")];
    ExporterOptions::new("test", resource)
}

#[tokio::test]
async fn an_exporter_of_the_sdk_gets_the_spans_and_the_resource() {
    let exporter = InMemorySpanExporter::default();
    let resources = Arc::new(Mutex::new(None));
    let noting = Noting {
        exporter: exporter.clone(),
        resource: Arc::clone(&resources),
    };
    let mut destination = destination(noting, options(), &Handle::current()).unwrap();
    let mut span = bare_span(1, 2);
    span.kind = SpanKind::Client;
    span.parent = Some(SpanId([3; 8]));
    span.parent_is_remote = true;
    span.context.trace_state = "a=1".to_owned();
    span.attributes = vec![KeyValue::new("n", 7), KeyValue::new("s", "text")];
    span.events = vec![Event {
        time_ns: 1_500_000,
        name: "half".into(),
        attributes: vec![KeyValue::new("b", true)],
    }];
    span.dropped_events_count = 4;
    span.links = vec![Link {
        context: SpanContext::sampled(TraceId([7; 16]), SpanId([8; 8])),
        attributes: vec![KeyValue::new("d", 0.5)],
    }];
    span.status = Status::Error("no".to_owned());
    assert_eq!(destination.deliver(&batch(&[span])).await, Delivery::taken());

    let got = exporter.get_finished_spans().unwrap().remove(0);
    assert_eq!(got.span_context.trace_id().to_string(), "01".repeat(16));
    assert_eq!(got.span_context.span_id().to_string(), "02".repeat(8));
    assert_eq!(got.span_context.trace_state().header(), "a=1");
    assert!(got.span_context.is_sampled() && got.parent_span_is_remote);
    assert_eq!(got.parent_span_id.to_string(), "03".repeat(8));
    assert_eq!(
        (got.name.as_ref(), got.span_kind),
        ("work", otel::SpanKind::Client)
    );
    assert_eq!(got.instrumentation_scope.name(), "test");
    assert_eq!(
        got.end_time.duration_since(got.start_time).unwrap(),
        Duration::from_millis(1)
    );
    assert_eq!(got.status, otel::Status::error("no"));
    assert_eq!(format!("{:?}", got.attributes[0].value), "I64(7)");
    assert_eq!(got.attributes[1].value.as_str(), "text");
    assert_eq!(
        (got.events[0].name.as_ref(), got.events.dropped_count),
        ("half", 4)
    );
    assert_eq!(got.links[0].span_context.trace_id().to_string(), "07".repeat(16));
    let resource = resources.lock().unwrap().clone().unwrap();
    assert!(
        resource.contains("service.name") && resource.contains("Everspan"),
        "{resource}"
    );
}

#[tokio::test]
async fn the_stdout_exporter_of_opentelemetry_takes_spans() {
    let exporter = opentelemetry_stdout::SpanExporter::default();
    let mut destination = destination(exporter, options(), &Handle::current()).unwrap();
    assert_eq!(
        destination.deliver(&batch(&[bare_span(1, 1)])).await,
        Delivery::taken()
    );
    destination.close();
    let Delivery::Refused { .. } = destination.deliver(&batch(&[bare_span(1, 2)])).await else {
        panic!("a closed exporter took a span");
    };
}

#[tokio::test]
async fn what_an_export_says_decides_whether_the_batch_comes_again() {
    let cases = [
        (Err(OTelSdkError::AlreadyShutdown), "refused"),
        (Err(OTelSdkError::InternalFailure("away".to_owned())), "later"),
        (Err(OTelSdkError::Timeout(Duration::from_secs(1))), "later"),
        (Ok(()), "taken"),
    ];
    for (result, expected) in cases {
        let mut destination = destination(Scripted::new(result), options(), &Handle::current()).unwrap();
        let delivery = destination.deliver(&batch(&[bare_span(1, 1)])).await;
        assert_eq!(word(&delivery), expected, "{delivery:?}");
    }
}

#[tokio::test]
async fn a_batch_that_failed_for_too_long_is_refused_and_the_next_one_gets_its_own_time() {
    let failure = || Err(OTelSdkError::InternalFailure("bad data".to_owned()));
    let impatient = ExporterOptions {
        give_up_after: Duration::ZERO,
        ..options()
    };
    let patient = options();
    for (options, expected) in [(impatient, ["refused", "refused"]), (patient, ["later", "later"])] {
        let mut destination = destination(Scripted::new(failure()), options, &Handle::current()).unwrap();
        for expected in expected {
            let delivery = destination.deliver(&batch(&[bare_span(1, 1)])).await;
            assert_eq!(word(&delivery), expected, "{delivery:?}");
        }
    }
}

#[tokio::test]
async fn an_export_that_hangs_is_given_up_and_offered_again() {
    let exporter = Scripted {
        result: Ok(()),
        hangs: AtomicU32::new(1),
    };
    let options = ExporterOptions {
        timeout: Duration::from_millis(20),
        ..options()
    };
    let mut destination = destination(exporter, options, &Handle::current()).unwrap();
    let batch = batch(&[bare_span(1, 1)]);
    assert_eq!(word(&destination.deliver(&batch).await), "later");
    assert_eq!(word(&destination.deliver(&batch).await), "taken");
}

#[tokio::test]
async fn an_exporter_may_await_the_runtime_or_bring_its_own() {
    let exporter = Both(InMemorySpanExporter::default());
    let memory = exporter.0.clone();
    let mut destination = destination(exporter, options(), &Handle::current()).unwrap();
    assert_eq!(
        destination.deliver(&batch(&[bare_span(1, 1)])).await,
        Delivery::taken()
    );
    assert_eq!(memory.get_finished_spans().unwrap().len(), 1);
}

proptest! {
    #[test]
    fn any_span_becomes_one_of_the_sdk(spans in spans()) {
        for span in spans {
            let (name, attributes, events) = (Cow::from(span.name.clone()), span.attributes.len(), span.events.len());
            let data = span_data::span(span);
            prop_assert_eq!((data.name, data.attributes.len(), data.events.len()), (name, attributes, events));
        }
    }
}

fn word(delivery: &Delivery) -> &'static str {
    match delivery {
        Delivery::Taken { .. } => "taken",
        Delivery::Later { .. } => "later",
        Delivery::Refused { .. } => "refused",
    }
}

/// Hands over to another exporter, and notes the resource.
#[derive(Debug)]
struct Noting {
    exporter: InMemorySpanExporter,
    resource: Arc<Mutex<Option<String>>>,
}

impl SpanExporter for Noting {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.exporter.export(batch).await
    }

    fn set_resource(&mut self, resource: &Resource) {
        *self.resource.lock().unwrap() = Some(format!("{resource:?}"));
    }
}

/// Sleeps and spawns on the runtime around it, and blocks on one that it makes.
#[derive(Debug)]
struct Both(InMemorySpanExporter);

impl SpanExporter for Both {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let count = batch.len();
        assert_eq!(tokio::spawn(async move { count }).await.unwrap(), count);
        let own = tokio::runtime::Builder::new_current_thread().build().unwrap();
        own.block_on(self.0.export(batch))
    }
}

/// Hangs a number of times, then answers the same every time.
#[derive(Debug)]
struct Scripted {
    result: OTelSdkResult,
    hangs: AtomicU32,
}

impl Scripted {
    fn new(result: OTelSdkResult) -> Self {
        Self {
            result,
            hangs: AtomicU32::new(0),
        }
    }
}

impl SpanExporter for Scripted {
    async fn export(&self, _batch: Vec<SpanData>) -> OTelSdkResult {
        let hangs = self
            .hangs
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if hangs.is_ok() {
            std::future::pending::<()>().await;
        }
        match &self.result {
            Ok(()) => Ok(()),
            Err(OTelSdkError::AlreadyShutdown) => Err(OTelSdkError::AlreadyShutdown),
            Err(OTelSdkError::Timeout(after)) => Err(OTelSdkError::Timeout(*after)),
            Err(OTelSdkError::InternalFailure(why)) => Err(OTelSdkError::InternalFailure(why.clone())),
        }
    }
}
