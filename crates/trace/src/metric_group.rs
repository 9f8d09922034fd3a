//! Groups: where user code reports its spans, and what every span of a group says of where it comes from.
//!
//! Flink's document, line by line. *You can access the tracing system … via which you can report a new single span
//! trace*: a group, and a span that is a trace of its own.
//!
//! ```
//! # use std::sync::{Arc, Mutex};
//! # use everspan_trace::{Environment, MetricGroup, Span, SpanId, SpanReceiver, TraceId};
//! # #[derive(Default)]
//! # struct List(Mutex<Vec<Span>>);
//! # impl SpanReceiver for List {
//! #     fn add(&self, span: Span) { self.0.lock().unwrap().push(span); }
//! # }
//! # struct Fixed;
//! # impl Environment for Fixed {
//! #     fn now_ns(&self) -> u64 { 5_000_000 }
//! #     fn new_trace_id(&self) -> TraceId { TraceId([1; 16]) }
//! #     fn new_span_id(&self) -> SpanId { SpanId([2; 8]) }
//! # }
//! # let spans = Arc::new(List::default());
//! # let metric_group = MetricGroup::root(spans.clone(), Arc::new(Fixed));
//! struct MyClass {
//!     metric_group: MetricGroup,
//! }
//!
//! impl MyClass {
//!     fn do_something(&self, start_ts: u64, end_ts: u64) {
//!         // (...)
//!         self.metric_group.add_span(
//!             Span::builder("my::MyClass", "SomeAction")
//!                 .start_ts_millis(start_ts) // Optional
//!                 .end_ts_millis(end_ts) // Optional
//!                 .attribute("foo", "bar"),
//!         );
//!     }
//! }
//! # MyClass { metric_group }.do_something(3, 4);
//! # let spans = spans.0.lock().unwrap();
//! # assert_eq!((spans[0].start_ns, spans[0].end_ns), (3_000_000, 4_000_000));
//! # assert_eq!(spans[0].attributes[0].key, "foo");
//! ```
//!
//! *Currently we don't support traces with multiple spans*: here a span may have children, see
//! [`SpanBuilder::child`](crate::SpanBuilder::child).
//!
//! Variables of the group stand on each of its spans (Flink 1.20 loses them):
//!
//! ```
//! # use std::sync::{Arc, Mutex};
//! # use everspan_trace::{Environment, KeyValue, MetricGroup, Span, SpanId, SpanReceiver, TraceId};
//! # #[derive(Default)]
//! # struct List(Mutex<Vec<Span>>);
//! # impl SpanReceiver for List {
//! #     fn add(&self, span: Span) { self.0.lock().unwrap().push(span); }
//! # }
//! # struct Fixed;
//! # impl Environment for Fixed {
//! #     fn now_ns(&self) -> u64 { 5_000_000 }
//! #     fn new_trace_id(&self) -> TraceId { TraceId([1; 16]) }
//! #     fn new_span_id(&self) -> SpanId { SpanId([2; 8]) }
//! # }
//! # let spans = Arc::new(List::default());
//! # let metric_group = MetricGroup::root(spans.clone(), Arc::new(Fixed));
//! let task = metric_group.add_group("task_name", "sink").add_group("subtask_index", 3);
//! task.add_span(Span::builder("my::Sink", "Commit"));
//! # let spans = spans.0.lock().unwrap();
//! assert_eq!(
//!     spans[0].attributes,
//!     [KeyValue::new("task_name", "sink"), KeyValue::new("subtask_index", 3)],
//! );
//! ```

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::{Environment, FLAG_SAMPLED, KeyValue, Sampler, SpanBuilder, SpanReceiver, Value};

/// A place to add spans to, with variables that stand on each of them. Cheap to clone, usable from any thread.
#[derive(Clone)]
pub struct MetricGroup {
    process: Arc<Process>,
    variables: Arc<[KeyValue]>,
    /// The names of the groups down to this one.
    path: Arc<[Cow<'static, str>]>,
}

/// What all groups of a tree share.
struct Process {
    receiver: Arc<dyn SpanReceiver>,
    environment: Arc<dyn Environment>,
    sampler: Sampler,
}

impl MetricGroup {
    /// A group without variables, whose spans go to `receiver` and get time and ids from `environment`.
    pub fn root(receiver: Arc<dyn SpanReceiver>, environment: Arc<dyn Environment>) -> Self {
        Self::sampled(receiver, environment, Sampler::default())
    }

    /// As [`root`](Self::root), with a sampler that decides which traces are made.
    pub fn sampled(
        receiver: Arc<dyn SpanReceiver>,
        environment: Arc<dyn Environment>,
        sampler: Sampler,
    ) -> Self {
        let process = Process {
            receiver,
            environment,
            sampler,
        };
        Self {
            process: Arc::new(process),
            variables: Arc::new([]),
            path: Arc::new([]),
        }
    }

    /// A group below this one, with one variable more. A variable of the same key is replaced, below only.
    #[must_use]
    pub fn add_group(&self, key: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        let variable = KeyValue::new(key, value);
        let others = self
            .variables
            .iter()
            .filter(|known| known.key != variable.key)
            .cloned();
        Self {
            variables: others.chain([variable.clone()]).collect(),
            ..self.add_group_name(variable.key)
        }
    }

    /// A group below this one with a name alone: it adds nothing to the spans.
    #[must_use]
    pub fn add_group_name(&self, name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            path: self.path.iter().cloned().chain([name.into()]).collect(),
            ..self.clone()
        }
    }

    /// What is attached to the spans of this group, in the order in which it was added.
    pub fn variables(&self) -> &[KeyValue] {
        &self.variables
    }

    /// The names and keys of the groups from the root to this one.
    pub fn path(&self) -> &[Cow<'static, str>] {
        &self.path
    }

    /// Reports a span that has ended, and those below it: each is a span of the same trace, with the variables of this
    /// group. It is not kept waiting by whatever becomes of the spans.
    pub fn add_span(&self, mut span: SpanBuilder) {
        let environment = &*self.process.environment;
        let mut context = span.identity(environment);
        if !self.process.sampler.samples(context.trace_id, span.above()) {
            return;
        }
        context.flags |= FLAG_SAMPLED;
        // Once, so that the spans of one call are of one moment.
        let now_ns = environment.now_ns();
        let mut next = Some((span, context));
        let mut waiting = Vec::new();
        while let Some((span, context)) = next {
            let is_wanted = self.process.receiver.wants(span.scope(), span.name());
            let (span, children) = span.finish(context, now_ns, &self.variables);
            if is_wanted {
                self.process.receiver.add(span);
            }
            // The last comes out first.
            for mut child in children.into_iter().rev() {
                let context = child.identity(environment);
                waiting.push((child, context));
            }
            next = waiting.pop();
        }
    }
}

impl fmt::Debug for MetricGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricGroup")
            .field("path", &self.path)
            .field("variables", &self.variables)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
