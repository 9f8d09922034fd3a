//! Everspan: a `Span` with the keys of the catalog, a `SpanWriter`, a `Pipeline`, OTLP/gRPC.

use std::time::Duration;

use everspan_export::{OtlpOptions, Pipeline, PipelineOptions, Reporter, Reporters, SpanWriter, otlp};
use everspan_trace::catalog::{self, attr};
use everspan_trace::{Sampler, Span, SpanContext, SpanId, Status, TraceId};
use tokio::runtime::Runtime;

use crate::Result;
use crate::source::{DURATION_NS, HANDLER, PARENT_ID, SERVICE, Source, TRACE_ID};
use crate::system::System;

const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Ours {
    source: Source,
    never: Sampler,
    writer: SpanWriter,
    reporters: Reporters,
    runtime: Runtime,
}

impl Ours {
    pub(crate) fn start(endpoint: &str) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let destination = otlp::destination(OtlpOptions {
            resource: vec![attr::SERVICE_NAME.value("bench")],
            ..OtlpOptions::new(endpoint)
        })?;
        let pipeline = Pipeline::start(PipelineOptions::new("otlp"), destination, &[], runtime.handle())?;
        let reporters = Reporters::new(vec![Reporter::new(pipeline)]);
        Ok(Self {
            source: Source::new(),
            never: Sampler::AlwaysOff,
            writer: reporters.writer(),
            reporters,
            runtime,
        })
    }

    fn span(&self, n: u64) -> Span {
        let source = &self.source;
        let context = SpanContext::sampled(TraceId(TRACE_ID), span_id(n));
        let started_ns = source.started_ns + n;
        let mut span = Span::new(
            &catalog::ATTEMPT,
            &source.target,
            context,
            started_ns,
            started_ns + DURATION_NS,
        );
        span.parent = Some(SpanId(PARENT_ID));
        span.status = Status::Ok;
        span.attributes = vec![
            attr::INVOCATION_ID.value(source.invocation_id.clone()),
            attr::INVOCATION_TARGET.value(source.target.clone()),
            attr::RPC_SERVICE.value(SERVICE),
            attr::RPC_METHOD.value(HANDLER),
            attr::DEPLOYMENT_ID.value(source.deployment_id.clone()),
            attr::DEPLOYMENT_ADDRESS.value(source.deployment_address.clone()),
            attr::SERVICE_PROTOCOL_VERSION.value(source.protocol_version),
        ];
        span
    }
}

impl System for Ours {
    fn emit(&mut self, n: u64) {
        let span = self.span(n);
        self.writer.add(&span, None);
    }

    fn decline(&mut self, n: u64) -> bool {
        let mut trace_id = TRACE_ID;
        trace_id[8..].copy_from_slice(&n.to_be_bytes());
        if self.never.samples(TraceId(trace_id), None) {
            self.emit(n);
            return true;
        }
        false
    }

    fn end_turn(&mut self) {
        self.writer.push(&[]);
    }

    fn settle(&mut self) -> Result<()> {
        match self.runtime.block_on(self.reporters.flush(PATIENCE)) {
            true => Ok(()),
            false => Err("the receiver did not take all spans in time".into()),
        }
    }

    fn finish(self) -> Result<Option<u64>> {
        self.runtime.block_on(self.reporters.shutdown(PATIENCE));
        let counters = self.reporters.counters();
        Ok(Some(
            counters
                .iter()
                .map(|(_, counters)| counters.dropped.total())
                .sum(),
        ))
    }
}

/// Never zero.
fn span_id(n: u64) -> SpanId {
    SpanId((n + 1).to_be_bytes())
}
