//! All reporters of a process, side by side.

mod writer;

use std::time::Duration;

use everspan_trace::KeyValue;

use crate::{Counters, Pipeline};

pub use writer::SpanWriter;

/// One of them: what it takes, and its way out.
#[derive(Debug)]
pub struct Reporter {
    /// Its name, for logs and metrics.
    pub name: String,
    /// Attributes that it puts on every span.
    pub additional: Vec<KeyValue>,
    /// Its way out.
    pub pipeline: Pipeline,
}

impl Reporter {
    /// One that takes every span as it is.
    pub fn new(pipeline: Pipeline) -> Self {
        Self {
            name: pipeline.name().to_owned(),
            additional: Vec::new(),
            pipeline,
        }
    }
}

/// All reporters of a process. None blocks another, and none blocks who writes spans.
#[derive(Debug, Default)]
pub struct Reporters {
    reporters: Vec<Reporter>,
}

impl Reporters {
    /// Those given, in this order.
    pub fn new(reporters: Vec<Reporter>) -> Self {
        Self { reporters }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.reporters.is_empty()
    }

    /// A place to write spans to, for one thread.
    pub fn writer(&self) -> SpanWriter {
        SpanWriter::new(&self.reporters)
    }

    /// Whether any reporter would take a span of this scope and name.
    pub fn takes(&self, scope: &str, name: &str) -> bool {
        let _ = (scope, name);
        !self.reporters.is_empty()
    }

    /// The record of `source` up to which no reporter needs a span again: the lowest position of all those that keep
    /// one; the highest number when none does.
    pub fn position(&self, source: u16) -> u64 {
        let positions = self
            .reporters
            .iter()
            .filter_map(|reporter| reporter.pipeline.position(source));
        positions.min().unwrap_or(u64::MAX)
    }

    /// What became of the spans so far, by reporter.
    pub fn counters(&self) -> Vec<(String, Counters)> {
        self.reporters
            .iter()
            .map(|reporter| (reporter.name.clone(), reporter.pipeline.counters()))
            .collect()
    }

    /// Sends all that was pushed before this call, without delay; whether every destination took all of it in time.
    pub async fn flush(&self, deadline: Duration) -> bool {
        let waits = self
            .reporters
            .iter()
            .map(|reporter| reporter.pipeline.flush(deadline));
        all(waits).await
    }

    /// Shuts every pipeline down, all at once; whether every destination took all that waited in time.
    pub async fn shutdown(&self, deadline: Duration) -> bool {
        let waits = self
            .reporters
            .iter()
            .map(|reporter| reporter.pipeline.shutdown(deadline));
        all(waits).await
    }
}

/// Awaits all of them at the same time; whether all are true.
async fn all(waits: impl Iterator<Item = impl Future<Output = bool>>) -> bool {
    let mut waits: Vec<_> = waits.map(Box::pin).collect();
    let mut result = true;
    std::future::poll_fn(|context| {
        waits.retain_mut(|wait| match wait.as_mut().poll(context) {
            std::task::Poll::Ready(good) => {
                result &= good;
                false
            }
            std::task::Poll::Pending => true,
        });
        if waits.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    result
}
