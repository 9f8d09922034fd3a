//! Where spans go, from the configuration: every reporter with its destination, queue and spool.
//!
//! First all destinations are made, and what is wrong with one is the user's mistake. The pipelines are opened later,
//! once the log says how far its records reach: a reporter that is new begins there.

mod destination;
mod leftover;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use everspan_export::sender_process::SenderProcess;
use everspan_export::{Destination, Mark, Pipeline, PipelineOptions, Reporter, Reporters, SpoolOptions};
use everspan_trace::catalog::attr;
use everspan_trace::{Factories, KeyValue, LevelFilter, SpanFilter};
use tokio::runtime::Handle;

use super::ServerError;
use crate::config::{Config, FactoryConfig, ReporterConfig};
use destination::Ways;

/// The reporters that are on, checked, not yet running.
pub(super) struct Prepared {
    parts: Vec<Part>,
    sender_wait_max: Duration,
}

struct Part {
    options: PipelineOptions,
    destination: Box<dyn Destination>,
    filter: SpanFilter,
    level_filter: LevelFilter,
    additional: Vec<KeyValue>,
}

impl Prepared {
    /// Makes every destination. `spool` is the directory below which each reporter keeps what waits.
    pub(super) fn new(
        config: &Config,
        factories: &Factories,
        sender: Option<&SenderProcess>,
        spool: &Path,
    ) -> Result<Self, ServerError> {
        let ways = Ways {
            factories,
            resource: resource(config),
            sender,
        };
        let part = |reporter| Part::new(config, reporter, &ways, spool);
        let parts = config
            .tracing
            .reporters
            .iter()
            .map(part)
            .collect::<Result<_, _>>()?;
        for name in &config.tracing.reporters_off {
            tracing::info!(reporter = %name, "a reporter is configured, but not on: traces.reporters does not name it");
        }
        leftover::say(config, spool);
        Ok(Self {
            parts,
            sender_wait_max: config.tracing.sender_wait_max,
        })
    }

    /// Starts a pipeline for each. `baseline` says how far the log's records reach. Deliveries that are still under way
    /// from before are waited for, all together as long as for one.
    pub(super) fn open(self, baseline: &[Mark], runtime: &Handle) -> Result<Arc<Reporters>, String> {
        let begun = Instant::now();
        let open = |mut part: Part| {
            part.options.sender_wait_max = self.sender_wait_max.saturating_sub(begun.elapsed());
            part.open(baseline, runtime)
        };
        let reporters = self.parts.into_iter().map(open).collect::<Result<_, _>>()?;
        Ok(Arc::new(Reporters::new(reporters)))
    }
}

impl Part {
    fn new(
        config: &Config,
        reporter: &ReporterConfig,
        ways: &Ways<'_>,
        spool: &Path,
    ) -> Result<Self, ServerError> {
        let dir = spool.join(&reporter.name);
        let destination = destination::make(reporter, ways, &dir)?;
        Ok(Self {
            options: pipeline_options(reporter, dir),
            destination,
            filter: reporter.filter.clone(),
            level_filter: config.tracing.filter.clone(),
            additional: attributes(&reporter.additional),
        })
    }

    fn open(self, baseline: &[Mark], runtime: &Handle) -> Result<Reporter, String> {
        let name = self.options.name.clone();
        let place = self.destination.place();
        let spool = self.options.spool.as_ref().map(|spool| spool.bytes_max);
        let pipeline = Pipeline::start(self.options, self.destination, baseline, runtime)
            .map_err(|error| format!("reporter {name}: {error}"))?;
        tracing::info!(reporter = %name, to = %place, spool_bytes_max = spool, "spans are reported");
        Ok(Reporter {
            filter: self.filter,
            level_filter: self.level_filter,
            additional: self.additional,
            ..Reporter::new(pipeline)
        })
    }
}

fn pipeline_options(reporter: &ReporterConfig, dir: PathBuf) -> PipelineOptions {
    let defaults = PipelineOptions::new(&reporter.name);
    let delivery_timeout = match &reporter.factory {
        // The request itself has a limit; this one is for what goes wrong around it.
        FactoryConfig::Otlp(otlp) => defaults.delivery_timeout.max(otlp.timeout * 2),
        _ => defaults.delivery_timeout,
    };
    PipelineOptions {
        delivery_timeout,
        batch_delay: reporter.batch_delay,
        batch_spans_max: reporter.batch_spans_max,
        queue_bytes_max: usize::try_from(reporter.queue_bytes_max).unwrap_or(usize::MAX),
        spool: Some(SpoolOptions {
            dir,
            bytes_max: reporter.spool_bytes_max,
        }),
        ..defaults
    }
}

fn attributes<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a String)>) -> Vec<KeyValue> {
    let attribute = |(key, value): (&String, &String)| KeyValue::new(key.clone(), value.clone());
    pairs.into_iter().map(attribute).collect()
}

fn resource(config: &Config) -> Vec<KeyValue> {
    let tracing = &config.tracing;
    let mut resource = vec![
        attr::SERVICE_NAME.value(tracing.service_name.clone()),
        attr::SERVICE_VERSION.value(env!("CARGO_PKG_VERSION")),
        attr::SERVICE_INSTANCE_ID.value(format!("{}/{}", config.cluster_name, config.node_name)),
    ];
    for attribute in attributes(&tracing.resource_attributes) {
        resource.retain(|known| known.key != attribute.key);
        resource.push(attribute);
    }
    resource
}

/// Shuts all of them down within this time, and says of each what did not leave.
pub(super) async fn shut_down(reporters: &Reporters, within: Duration) {
    let before = reporters.counters();
    if reporters.shutdown(within).await {
        return;
    }
    for ((name, before), (_, after)) in before.iter().zip(reporters.counters()) {
        let kept = after.spooled + after.queued;
        let dropped = after.dropped.total() - before.dropped.total();
        if kept > 0 {
            tracing::warn!(reporter = %name, spans = kept, "spans wait on disk for the next start");
        }
        if dropped > 0 {
            tracing::warn!(reporter = %name, spans = dropped, "spans were lost at the end");
        }
    }
}
