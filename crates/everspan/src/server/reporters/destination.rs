//! A reporter's destination, from its configuration.

use everspan_export::{Destination, OtlpOptions, otlp};
use everspan_trace::{Factories, KeyValue};

use crate::config::{EndpointProtocol, FactoryConfig, OtlpConfig, ReporterConfig};
use crate::server::ServerError;

/// Makes it; files are read, nothing is sent. What is wrong is said with the keys of the reporter.
pub(super) fn make(
    reporter: &ReporterConfig,
    factories: &Factories,
    resource: &[KeyValue],
) -> Result<Box<dyn Destination>, ServerError> {
    let wrong = |why: String| ServerError::Usage(format!("reporter {}: {why}", reporter.name));
    match &reporter.factory {
        FactoryConfig::Otlp(config) => {
            let options = otlp_options(config, resource);
            if config.endpoint.protocol != EndpointProtocol::Grpc || config.endpoint.tls || config.gzip {
                return Err(wrong(format!("{} is not supported yet", config.endpoint)));
            }
            otlp::destination(options).map_err(|error| wrong(error.to_string()))
        }
        FactoryConfig::Other { factory, .. } => match factories.make(factory) {
            Ok(_) => Err(wrong("not supported yet".to_owned())),
            Err(error) => Err(wrong(error.to_string())),
        },
        _ => Err(wrong("not supported yet".to_owned())),
    }
}

fn otlp_options(config: &OtlpConfig, resource: &[KeyValue]) -> OtlpOptions {
    OtlpOptions {
        headers: config.headers.0.clone(),
        timeout: config.timeout,
        resource: resource.to_vec(),
        ..OtlpOptions::new(config.endpoint.http_url())
    }
}
