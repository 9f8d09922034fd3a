//! A reporter's destination, from its configuration.

use std::path::Path;

use everspan_export::jaeger_file::{self, JaegerFileOptions};
use everspan_export::otlp::{self, Compression, Protocol, TlsOptions};
use everspan_export::sender_process::{self, SenderProcess};
use everspan_export::{Destination, ExportError, OtlpOptions, log, reporting};
use everspan_trace::{self as trace, Factories, KeyValue, ReporterError};

use crate::config::{
    EndpointProtocol, FACTORIES, FactoryConfig, JaegerFileConfig, OtlpConfig, ReporterConfig,
};
use crate::server::ServerError;

/// What all destinations are made with.
pub(super) struct Ways<'a> {
    pub(super) factories: &'a Factories,
    pub(super) resource: Vec<KeyValue>,
    /// What is started to send spans; without it they leave from this process.
    pub(super) sender: Option<&'a SenderProcess>,
}

/// Makes it; files are read, nothing is sent. What is wrong is said with the keys of the reporter, whose directory is `dir`.
pub(super) fn make(
    reporter: &ReporterConfig,
    ways: &Ways<'_>,
    dir: &Path,
) -> Result<Box<dyn Destination>, ServerError> {
    let prefix = &reporter.key_prefix;
    let (factories, resource) = (ways.factories, ways.resource.as_slice());
    let made = match &reporter.factory {
        FactoryConfig::Otlp(config) => {
            let options = otlp_options(config, resource);
            let made = match ways.sender.filter(|_| config.sender_process) {
                Some(sender) => sender_process::destination(options, sender.clone(), dir),
                None => otlp::destination(options),
            };
            made.map_err(|error| explain_otlp(prefix, config, &error))
        }
        FactoryConfig::JaegerFile(config) => jaeger_file::destination(file_options(config, resource))
            .map_err(|error| bad_path(prefix, "path", &config.path, &error)),
        FactoryConfig::Log => log::destination().map_err(|error| error.to_string()),
        FactoryConfig::Other { factory, values } => {
            let mut config = trace::ReporterConfig::new(&reporter.name).with_resource(resource.to_vec());
            for (key, value) in &values.0 {
                config = config.with(key, value);
            }
            let own = factories
                .make(factory)
                .map_err(|error| explain_factory(prefix, factory, factories, &error));
            own.and_then(|own| reporting::destination(own, &config).map_err(|error| error.to_string()))
        }
    };
    made.map_err(|why| ServerError::Usage(format!("reporter {}: {why}", reporter.name)))
}

fn file_options(config: &JaegerFileConfig, resource: &[KeyValue]) -> JaegerFileOptions {
    JaegerFileOptions {
        file_bytes_max: config.file_bytes_max,
        keep_bytes_max: config.keep_bytes_max,
        keep_age_max: config.keep_age_max,
        ..JaegerFileOptions::new(&config.path, resource.to_vec())
    }
}

fn otlp_options(config: &OtlpConfig, resource: &[KeyValue]) -> OtlpOptions {
    OtlpOptions {
        protocol: match config.endpoint.protocol {
            EndpointProtocol::Grpc => Protocol::Grpc,
            EndpointProtocol::HttpProtobuf => Protocol::HttpProtobuf,
            EndpointProtocol::HttpJson => Protocol::HttpJson,
        },
        headers: config.headers.0.clone(),
        tls: TlsOptions {
            ca: config.certificate.clone(),
            certificate: config.client_certificate.clone(),
            key: config.client_key.clone(),
        },
        compression: if config.gzip {
            Compression::Gzip
        } else {
            Compression::None
        },
        timeout: config.timeout,
        resource: resource.to_vec(),
        ..OtlpOptions::new(config.endpoint.http_url())
    }
}

/// The error with the key and the value to change.
fn explain_otlp(prefix: &str, config: &OtlpConfig, error: &ExportError) -> String {
    let bad = |leaf: &str, value: &Path| bad_path(prefix, leaf, value, error);
    let files = [
        ("certificate", &config.certificate),
        ("client-certificate", &config.client_certificate),
        ("client-key", &config.client_key),
    ];
    match error {
        ExportError::Unreadable { path, .. }
        | ExportError::BadCertificate { path, .. }
        | ExportError::BadKey { path, .. } => files
            .iter()
            .find(|(_, file)| file.as_ref() == Some(path))
            .map_or_else(|| error.to_string(), |(leaf, _)| bad(leaf, path)),
        ExportError::NoSystemCertificates { .. } => format!("{prefix}certificate is missing: {error}"),
        ExportError::BadHeader { name } | ExportError::ReservedHeader { name } => {
            format!("bad value {prefix}headers.{name}: {error}")
        }
        _ => bad("endpoint", Path::new(&config.endpoint.to_string())),
    }
}

fn bad_path(prefix: &str, leaf: &str, value: &Path, error: &ExportError) -> String {
    format!("bad value {prefix}{leaf} = {value:?}: {error}")
}

fn explain_factory(prefix: &str, factory: &str, factories: &Factories, error: &ReporterError) -> String {
    if !matches!(error, ReporterError::UnknownFactory { .. }) {
        return error.to_string();
    }
    let known: Vec<&str> = FACTORIES.into_iter().chain(factories.names()).collect();
    format!(
        "bad value {prefix}factory = {factory:?}: expected {}",
        known.join(", ")
    )
}
