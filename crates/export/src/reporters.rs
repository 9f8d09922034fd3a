//! All reporters of a process, side by side.

mod lane;
mod shared;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use everspan_trace::{KeyValue, LevelFilter, MetricGroup, SpanFilter};

use crate::{Counters, Pipeline, SystemEnvironment};

use lane::{Lane, Terms};

pub use shared::SharedWriter;
pub use writer::SpanWriter;

/// One of them: what it takes, and its way out.
#[derive(Debug)]
pub struct Reporter {
    /// Its name, for logs and metrics.
    pub name: String,
    /// Which scopes and names it takes.
    pub filter: SpanFilter,
    /// Which spans it takes, in the syntax of the log filter.
    pub level_filter: LevelFilter,
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
            filter: SpanFilter::default(),
            level_filter: LevelFilter::default(),
            additional: Vec::new(),
            pipeline,
        }
    }
}

/// All reporters of a process. None blocks another, and none blocks who writes spans.
#[derive(Debug, Default)]
pub struct Reporters {
    reporters: Vec<(Reporter, Arc<Terms>)>,
}

impl Reporters {
    /// Those given, in this order.
    pub fn new(reporters: Vec<Reporter>) -> Self {
        let with_terms = |reporter| {
            let terms = Arc::new(Terms::of(&reporter));
            (reporter, terms)
        };
        Self {
            reporters: reporters.into_iter().map(with_terms).collect(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.reporters.is_empty()
    }

    /// A place to write spans to, for one thread.
    pub fn writer(&self) -> SpanWriter {
        let lane = |(reporter, terms): &(Reporter, Arc<Terms>)| {
            Lane::new(Arc::clone(terms), reporter.pipeline.sink())
        };
        SpanWriter::new(self.reporters.iter().map(lane).collect())
    }

    /// A place for spans of user code, with the system's clock and random ids.
    pub fn metric_group(&self) -> MetricGroup {
        let writer = SharedWriter::new(self.writer());
        MetricGroup::root(Arc::new(writer), Arc::new(SystemEnvironment))
    }

    /// Whether some reporter has no filter, so that every span is taken by somebody.
    pub fn takes_everything(&self) -> bool {
        self.reporters.iter().any(|(_, terms)| terms.takes_all())
    }

    /// Whether any reporter may take a span of this scope and name.
    pub fn takes(&self, scope: &str, name: &str) -> bool {
        self.reporters
            .iter()
            .any(|(_, terms)| terms.may_take(scope, name))
    }

    /// The record of `source` up to which no reporter needs a span again: the lowest position of all. A reporter that
    /// never heard of the source needs all of them; without reporters it is the highest number.
    pub fn position(&self, source: u16) -> u64 {
        let positions = self
            .reporters
            .iter()
            .map(|(reporter, _)| reporter.pipeline.position(source).unwrap_or(0));
        positions.min().unwrap_or(u64::MAX)
    }

    /// What became of the spans so far, by reporter.
    pub fn counters(&self) -> Vec<(String, Counters)> {
        self.reporters
            .iter()
            .map(|(reporter, _)| (reporter.name.clone(), reporter.pipeline.counters()))
            .collect()
    }

    /// Sends all that waits, without delay; whether every destination took all of it in time.
    pub async fn flush(&self, deadline: Duration) -> bool {
        let waits = self
            .reporters
            .iter()
            .map(|(reporter, _)| reporter.pipeline.flush(deadline));
        all(waits).await
    }

    /// Shuts every pipeline down, all at once; whether every destination took all that waited in time.
    pub async fn shutdown(&self, deadline: Duration) -> bool {
        let waits = self
            .reporters
            .iter()
            .map(|(reporter, _)| reporter.pipeline.shutdown(deadline));
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
