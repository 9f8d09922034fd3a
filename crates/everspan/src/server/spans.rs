//! Where spans go, from the configuration.

use everspan_export::{OtlpOptions, Pipeline, PipelineOptions, Reporter, Reporters, otlp};
use everspan_trace::KeyValue;
use everspan_trace::catalog::attr;
use tokio::runtime::Handle;

use super::{ServerError, failed};
use crate::config::Config;

/// The reporter of the invocation spans, if there is a collector.
pub(super) fn reporters(config: &Config) -> Result<Reporters, ServerError> {
    if config.tracing.runtime_endpoint.is_some() {
        tracing::warn!(
            "tracing-runtime-endpoint is set, but this version makes no spans of the runtime itself"
        );
    }
    let Some(endpoint) = config.tracing.services() else {
        return Ok(Reporters::default());
    };
    let options = OtlpOptions {
        headers: config.tracing.headers.0.clone(),
        resource: resource(config),
        ..OtlpOptions::new(endpoint.http_url())
    };
    let pipeline = PipelineOptions {
        batch_delay: config.tracing.batch_delay,
        queue_bytes_max: usize::try_from(config.tracing.queue_size).unwrap_or(usize::MAX),
        ..PipelineOptions::new("otlp")
    };
    let destination = otlp::destination(options).map_err(failed)?;
    let pipeline = Pipeline::start(pipeline, destination, &[], &Handle::current()).map_err(failed)?;
    Ok(Reporters::new(vec![Reporter::new(pipeline)]))
}

fn resource(config: &Config) -> Vec<KeyValue> {
    let tracing = &config.tracing;
    let mut resource = vec![
        attr::SERVICE_NAME.value(tracing.service_name.clone()),
        attr::SERVICE_VERSION.value(env!("CARGO_PKG_VERSION")),
        attr::SERVICE_INSTANCE_ID.value(format!("{}/{}", config.cluster_name, config.node_name)),
    ];
    for (key, value) in &tracing.resource_attributes {
        resource.retain(|known| known.key != key.as_str());
        resource.push(KeyValue::new(key.clone(), value.clone()));
    }
    resource
}
