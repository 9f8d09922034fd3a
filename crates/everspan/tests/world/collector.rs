//! A collector in the test: an OTLP receiver that keeps what it gets.

#![allow(dead_code, reason = "each test file uses a part of this world")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use everspan_export::receiver::{self, Answer};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::net::TcpListener;

/// A running collector; it ends with the runtime of the test.
#[derive(Clone)]
pub(crate) struct Collector {
    pub(crate) url: String,
    spans: Arc<Mutex<Vec<(String, Span)>>>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let spans: Arc<Mutex<Vec<(String, Span)>>> = Arc::default();
        let kept = Arc::clone(&spans);
        let take =
            move |request: opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest| {
                let mut kept = kept.lock().unwrap();
                for scope in request.resource_spans.into_iter().flat_map(|of| of.scope_spans) {
                    let name = scope.scope.map(|scope| scope.name).unwrap_or_default();
                    for span in scope.spans {
                        let span = (name.clone(), span);
                        // After a kill the request that was under way comes again, the same to the last bit.
                        if !kept.contains(&span) {
                            kept.push(span);
                        }
                    }
                }
                async { Answer::Take }
            };
        tokio::spawn(async move { receiver::serve(listener, take, std::future::pending()).await });
        Self { url, spans }
    }

    /// The spans of this name so far, in the order in which they ended.
    pub(crate) fn named(&self, name: &str) -> Vec<Span> {
        let spans = self.spans.lock().unwrap();
        let mut found: Vec<Span> = spans
            .iter()
            .map(|(_, span)| span)
            .filter(|span| span.name == name)
            .cloned()
            .collect();
        found.sort_by_key(|span| span.end_time_unix_nano);
        found
    }

    /// Every span of the scope of checkpoints and starts.
    pub(crate) fn of_runtime(&self) -> Vec<Span> {
        self.of_scope("org.apache.flink.runtime.checkpoint.CheckpointStatsTracker")
    }

    /// Every span of a scope.
    pub(crate) fn of_scope(&self, scope: &str) -> Vec<Span> {
        let spans = self.spans.lock().unwrap();
        let of_scope = spans.iter().filter(|(of, _)| of == scope);
        of_scope.map(|(_, span)| span.clone()).collect()
    }

    /// The children of a span.
    pub(crate) fn children(&self, of: &Span) -> Vec<Span> {
        let spans = self.spans.lock().unwrap();
        let is_child = |span: &&Span| span.trace_id == of.trace_id && span.parent_span_id == of.span_id;
        spans
            .iter()
            .map(|(_, span)| span)
            .filter(is_child)
            .cloned()
            .collect()
    }

    /// Waits until so many spans of this name have come.
    pub(crate) async fn until(&self, name: &str, count: usize) -> Vec<Span> {
        let begun = Instant::now();
        loop {
            let found = self.named(name);
            if found.len() >= count {
                return found;
            }
            let so_far = found.len();
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "{so_far} of {count} {name}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The attributes of a span, as text.
pub(crate) fn attributes(span: &Span) -> BTreeMap<String, String> {
    let text = |value: &Value| match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        Value::BoolValue(yes) => yes.to_string(),
        Value::DoubleValue(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    let pairs = span.attributes.iter().map(|attribute| {
        let value = attribute.value.as_ref().and_then(|value| value.value.as_ref());
        (attribute.key.clone(), value.map(text).unwrap_or_default())
    });
    pairs.collect()
}

/// An attribute that is a number.
pub(crate) fn number(span: &Span, key: &str) -> i64 {
    let attributes = attributes(span);
    let text = attributes
        .get(key)
        .unwrap_or_else(|| panic!("{key} is not on {}: {attributes:?}", span.name));
    text.parse().unwrap_or_else(|_| panic!("{key} = {text:?}"))
}

/// An attribute that is a text.
pub(crate) fn text(span: &Span, key: &str) -> String {
    let attributes = attributes(span);
    attributes
        .get(key)
        .unwrap_or_else(|| panic!("{key} is not on {}: {attributes:?}", span.name))
        .clone()
}
