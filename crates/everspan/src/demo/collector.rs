//! The collector inside the demo: receives OTLP/gRPC, keeps spans, tells when a trace is whole.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use everspan_export::receiver::{self, Answer};
use everspan_trace::catalog::{self, attr};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::span::{ShownSpan, received};

/// Spans kept; far more than the story makes, also when the demo stays up for days.
const SPANS_MAX: usize = 20_000;

/// A running collector.
pub(super) struct Collector {
    pub(super) address: SocketAddr,
    kept: Arc<Kept>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Kept {
    spans: Mutex<Vec<ShownSpan>>,
    arrived: Notify,
}

impl Collector {
    /// Listens on `address`; port 0 takes a free one.
    pub(super) async fn start(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let kept = Arc::new(Kept::default());
        let keep = Arc::clone(&kept);
        let task = tokio::spawn(async move {
            let take = move |request| {
                keep.add(received(request));
                std::future::ready(Answer::Take)
            };
            if let Err(error) = receiver::serve(listener, take, std::future::pending()).await {
                tracing::error!(%error, "the demo's collector ended");
            }
        });
        Ok(Self { address, kept, task })
    }

    /// The trace of this invocation once all its spans are here; after `wait` what there is, as the error.
    pub(super) async fn trace_of(
        &self,
        invocation: &str,
        wait: Duration,
    ) -> Result<Vec<ShownSpan>, Vec<ShownSpan>> {
        let whole = async {
            loop {
                let arrived = self.kept.arrived.notified();
                let spans = self.kept.trace_of(invocation);
                if is_whole(&spans) {
                    return spans;
                }
                arrived.await;
            }
        };
        tokio::time::timeout(wait, whole)
            .await
            .map_err(|_| self.kept.trace_of(invocation))
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Kept {
    fn add(&self, new: Vec<ShownSpan>) {
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        spans.extend(new);
        spans.truncate(SPANS_MAX);
        drop(spans);
        self.arrived.notify_waiters();
    }

    fn trace_of(&self, invocation: &str) -> Vec<ShownSpan> {
        let spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(of_it) = spans
            .iter()
            .find(|span| span.attribute(attr::INVOCATION_ID.name) == invocation)
        else {
            return Vec::new();
        };
        spans
            .iter()
            .filter(|span| span.trace_id == of_it.trace_id)
            .cloned()
            .collect()
    }
}

/// Whether every parent is here, every invocation has its end, and of its attempts none is missing.
fn is_whole(spans: &[ShownSpan]) -> bool {
    let ids: BTreeSet<&[u8]> = spans.iter().map(|span| span.span_id.as_slice()).collect();
    let parents = spans
        .iter()
        .all(|span| span.parent_id.is_empty() || ids.contains(span.parent_id.as_slice()));
    let rooted = spans.iter().any(|span| span.parent_id.is_empty());
    let invocations: BTreeSet<&str> = spans
        .iter()
        .map(|span| span.attribute(attr::INVOCATION_ID.name))
        .collect();
    parents && rooted && invocations.iter().all(|id| has_ended(spans, id))
}

fn has_ended(spans: &[ShownSpan], invocation: &str) -> bool {
    let of_it = |prefix: &'static str| {
        spans.iter().filter(move |span| {
            span.attribute(attr::INVOCATION_ID.name) == invocation && span.name.starts_with(prefix)
        })
    };
    let attempts = of_it(catalog::ATTEMPT.prefix);
    let numbers: BTreeSet<usize> = attempts
        .filter_map(|span| span.attribute(attr::ATTEMPT_NUMBER.name).parse().ok())
        .collect();
    let contiguous = numbers.last().is_some_and(|&last| numbers.len() == last);
    of_it(catalog::END.prefix).next().is_some() && contiguous
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(id: u8, parent: Option<u8>, name: &str, attempt: Option<u32>) -> ShownSpan {
        let mut attributes = super::super::span::Attributes::new();
        attributes.insert(attr::INVOCATION_ID.name.to_owned(), "inv_1".to_owned());
        if let Some(number) = attempt {
            attributes.insert(attr::ATTEMPT_NUMBER.name.to_owned(), number.to_string());
        }
        ShownSpan {
            trace_id: vec![7],
            span_id: vec![id],
            parent_id: parent.map(|id| vec![id]).unwrap_or_default(),
            name: name.to_owned(),
            attributes,
            ..ShownSpan::default()
        }
    }

    #[test]
    fn a_trace_is_whole_when_nothing_is_missing_anywhere() {
        let all = [
            span(1, None, "ingress G/g", None),
            span(2, Some(1), "invocation-start G/g", None),
            span(3, Some(2), "invocation-attempt G/g", Some(1)),
            span(4, Some(2), "invocation-attempt G/g", Some(2)),
            span(5, Some(2), "invocation-end G/g", None),
        ];
        assert!(is_whole(&all));
        // The last attempt aside: which one is last, only the attempts themselves tell.
        for missing in [0, 1, 2, 4] {
            let mut spans = all.to_vec();
            spans.remove(missing);
            assert!(!is_whole(&spans), "{}", all[missing].name);
        }
        assert!(!is_whole(&[]));
    }
}
