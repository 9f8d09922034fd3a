//! The OpenTelemetry SDK for Rust: a tracer, the batch span processor, OTLP/gRPC.

use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    Span, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
    TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider,
};
use tokio::runtime::Runtime;

use crate::Result;
use crate::source::{DURATION_NS, HANDLER, PARENT_ID, SERVICE, Source, TRACE_ID};
use crate::system::System;

pub(crate) struct Theirs {
    source: Source,
    parent: Context,
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    /// Of a provider that samples nothing.
    never: SdkTracer,
    /// Carries the exporter's connection.
    _runtime: Runtime,
}

impl Theirs {
    /// With the defaults, or with room for `queue_max` spans.
    pub(crate) fn start(endpoint: &str, queue_max: Option<usize>) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let exporter = {
            let _entered = runtime.enter();
            SpanExporter::builder()
                .with_tonic()
                .with_endpoint(endpoint)
                .build()?
        };
        let mut config = BatchConfigBuilder::default();
        if let Some(queue_max) = queue_max {
            config = config.with_max_queue_size(queue_max);
        }
        let processor = BatchSpanProcessor::builder(exporter)
            .with_batch_config(config.build())
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor)
            .with_resource(Resource::builder_empty().with_service_name("bench").build())
            .build();
        let never = SdkTracerProvider::builder()
            .with_sampler(Sampler::AlwaysOff)
            .build();
        Ok(Self {
            source: Source::new(),
            parent: Context::new().with_remote_span_context(parent()),
            tracer: provider.tracer("everspan.invocation"),
            never: never.tracer("everspan.invocation"),
            provider,
            _runtime: runtime,
        })
    }

    /// `true` when it was made.
    fn make(&self, tracer: &SdkTracer, n: u64) -> bool {
        let source = &self.source;
        let attributes = vec![
            KeyValue::new("restate.invocation.id", source.invocation_id.clone()),
            KeyValue::new("restate.invocation.target", source.target.clone()),
            KeyValue::new("rpc.service", SERVICE),
            KeyValue::new("rpc.method", HANDLER),
            KeyValue::new("restate.deployment.id", source.deployment_id.clone()),
            KeyValue::new("restate.deployment.address", source.deployment_address.clone()),
            KeyValue::new(
                "restate.deployment.service_protocol_version",
                source.protocol_version,
            ),
        ];
        let started = SystemTime::UNIX_EPOCH + Duration::from_nanos(source.started_ns + n);
        let builder = tracer
            .span_builder(format!("invocation-attempt {}", source.target))
            .with_kind(SpanKind::Client)
            .with_start_time(started)
            .with_attributes(attributes);
        let mut span = builder.start_with_context(tracer, &self.parent);
        let is_made = span.is_recording();
        span.set_status(Status::Ok);
        span.end_with_timestamp(started + Duration::from_nanos(DURATION_NS));
        is_made
    }
}

impl System for Theirs {
    fn emit(&mut self, n: u64) {
        self.make(&self.tracer, n);
    }

    fn decline(&mut self, n: u64) -> bool {
        self.make(&self.never, n)
    }

    fn end_turn(&mut self) {}

    fn settle(&mut self) -> Result<()> {
        Ok(self.provider.force_flush()?)
    }

    fn finish(self) -> Result<Option<u64>> {
        self.provider.shutdown()?;
        Ok(None)
    }
}

fn parent() -> SpanContext {
    SpanContext::new(
        TraceId::from_bytes(TRACE_ID),
        SpanId::from_bytes(PARENT_ID),
        TraceFlags::SAMPLED,
        true,
        TraceState::default(),
    )
}
