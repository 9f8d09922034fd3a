//! Any `SpanExporter` of the OpenTelemetry SDK as the destination of a pipeline.
//!
//! The exporter runs in a plain thread of its own, from which the tokio runtime that is given can be reached. So both
//! kinds work: those that await, and those that block or bring a runtime of their own. What it cannot export now is offered again. The SDK's errors do not tell a backend that
//! is away from a batch that it will never take, so a batch that has failed for
//! [`give_up_after`](ExporterOptions::give_up_after) counts as refused.
//!
//! ```
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! use std::time::Duration;
//! use everspan_export::opentelemetry::{ExporterOptions, destination};
//! use everspan_export::{Pipeline, PipelineOptions, Reporter, Reporters};
//! use everspan_trace::{KeyValue, Span, SpanContext, catalog, derive_span_id, derive_trace_id};
//! use opentelemetry_sdk::trace::InMemorySpanExporter;
//! use tokio::runtime::Handle;
//!
//! let exporter = InMemorySpanExporter::default();
//! let resource = vec![KeyValue::new("service.name", "Everspan")];
//! let options = ExporterOptions::new("memory", resource);
//! let destination = destination(exporter.clone(), options, &Handle::current())?;
//! let pipeline = Pipeline::start(PipelineOptions::new("memory"), destination, &[], &Handle::current())?;
//! let reporters = Reporters::new(vec![Reporter::new(pipeline)]);
//!
//! let context = SpanContext::sampled(derive_trace_id(b"inv_1"), derive_span_id(b"inv_1", 0));
//! let mut writer = reporters.writer();
//! writer.add(&Span::new(&catalog::ATTEMPT, "Greeter/greet", context, 1_000, 2_000), None);
//! writer.push(&[]);
//!
//! assert!(reporters.flush(Duration::from_secs(5)).await);
//! let spans = exporter.get_finished_spans()?;
//! assert_eq!(spans[0].name, "invocation-attempt Greeter/greet");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod span_data;

use std::time::Duration;

use everspan_trace::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::trace::SpanExporter;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::blocking::{BlockingDestination, on_own_thread};
use crate::decode::decode;
use crate::{Batch, Delivery, Destination, ExportError};

/// How an exporter is used.
#[derive(Clone, Debug, PartialEq)]
pub struct ExporterOptions {
    /// What the exporter is called in the log, and its thread.
    pub name: String,
    /// The resource of this process, `service.name` among it.
    pub resource: Vec<KeyValue>,
    /// An export that takes longer is given up and begun again.
    pub timeout: Duration,
    /// A batch that has failed for so long is dropped and counted.
    pub give_up_after: Duration,
}

impl ExporterOptions {
    /// Ten seconds for an export, an hour for a batch.
    pub fn new(name: impl Into<String>, resource: Vec<KeyValue>) -> Self {
        Self {
            name: name.into(),
            resource,
            timeout: Duration::from_secs(10),
            give_up_after: Duration::from_secs(60 * 60),
        }
    }
}

/// Tells the exporter the resource and starts its thread.
pub fn destination<E: SpanExporter + 'static>(
    mut exporter: E,
    options: ExporterOptions,
    runtime: &Handle,
) -> Result<Box<dyn Destination>, ExportError> {
    let resource = options.resource.iter().map(span_data::attribute);
    exporter.set_resource(&Resource::builder_empty().with_attributes(resource).build());
    let name = options.name.clone();
    let adapter = Adapter {
        exporter,
        options,
        runtime: runtime.clone(),
        failing_since: None,
    };
    on_own_thread(&name, adapter)
}

struct Adapter<E> {
    exporter: E,
    options: ExporterOptions,
    runtime: Handle,
    /// When the batch that is offered failed for the first time.
    failing_since: Option<Instant>,
}

impl<E: SpanExporter + 'static> Adapter<E> {
    fn export(&self, spans: Vec<opentelemetry_sdk::trace::SpanData>) -> Result<(), OTelSdkError> {
        let timeout = self.options.timeout;
        // Not `runtime.block_on`: within that an exporter could not block on a runtime of its own.
        let _reached = self.runtime.enter();
        let export = async { tokio::time::timeout(timeout, self.exporter.export(spans)).await };
        futures_executor::block_on(export).unwrap_or(Err(OTelSdkError::Timeout(timeout)))
    }

    fn failure(&mut self, error: &OTelSdkError) -> Delivery {
        let now = Instant::now();
        let since = *self.failing_since.get_or_insert(now);
        let why = error.to_string();
        let is_final = matches!(error, OTelSdkError::AlreadyShutdown);
        if is_final || now.duration_since(since) >= self.options.give_up_after {
            self.failing_since = None;
            return Delivery::Refused { why };
        }
        Delivery::Later { wait: None, why }
    }
}

impl<E: SpanExporter + 'static> BlockingDestination for Adapter<E> {
    fn deliver(&mut self, batch: &Batch) -> Delivery {
        let decoded = decode(batch);
        if let Err(error) = self.export(decoded.spans.into_iter().map(span_data::span).collect()) {
            return self.failure(&error);
        }
        self.failing_since = None;
        Delivery::Taken {
            rejected: decoded.unreadable,
            message: decoded.why,
        }
    }

    fn place(&self) -> String {
        format!("the exporter {}", self.options.name)
    }

    fn close(&mut self) {
        let _reached = self.runtime.enter();
        if let Err(error) = self.exporter.shutdown_with_timeout(self.options.timeout) {
            tracing::warn!(exporter = self.options.name, %error, "a span exporter did not shut down");
        }
    }
}

#[cfg(test)]
mod tests;
