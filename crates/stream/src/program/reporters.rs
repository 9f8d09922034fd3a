//! Where spans go, from the configuration: every reporter with its destination, queue and, if there is a place, spool.

use std::path::PathBuf;

use everspan_export::jaeger_file::{self, JaegerFileOptions};
use everspan_export::otlp::{self, Compression, Protocol, TlsOptions};
use everspan_export::{
    Destination, OtlpOptions, Pipeline, PipelineOptions, Reporter, Reporters, SpoolOptions, log, reporting,
};
use everspan_trace::catalog::attr;
use everspan_trace::{Factories, KeyValue, ReporterConfig, SpanFilter};
use tokio::runtime::Handle;

use crate::config::{ConfigError, Configuration, FACTORIES, ReporterParameters};

/// Bytes of spans that wait on disk for one reporter.
const SPOOL_BYTES_MAX: u64 = 256 << 20;

/// Keys of every reporter.
const FILTER: [&str; 2] = ["filter.includes", "filter.excludes"];
const ADDITIONAL: &str = "scope.variables.additional";

/// Starts those that are on.
pub(super) fn start(
    job: &str,
    configuration: &Configuration,
    factories: &Factories,
    runtime: &Handle,
) -> Result<Reporters, ConfigError> {
    let set = configuration.reporters()?;
    for name in set.off {
        tracing::info!(
            reporter = name,
            "a reporter is configured, but not on: traces.reporters does not name it"
        );
    }
    let spool = configuration
        .path("process.working-dir")
        .map(|dir| dir.join("spool"));
    let resource = resource(job, configuration);
    let start = |of: &ReporterParameters| {
        let dir = spool.as_ref().map(|spool| spool.join(&of.name));
        reporter(of, dir, factories, &resource, runtime).map_err(|reason| ConfigError::Reporter {
            name: of.name.clone(),
            reason,
        })
    };
    let reporters: Result<Vec<Reporter>, ConfigError> = set.on.iter().map(start).collect();
    Ok(Reporters::new(reporters?))
}

/// Who reports; what OpenTelemetry's variables say replaces what the program says.
fn resource(job: &str, configuration: &Configuration) -> Vec<KeyValue> {
    let mut resource = vec![
        attr::SERVICE_NAME.value("Everspan".to_owned()),
        attr::SERVICE_VERSION.value(env!("CARGO_PKG_VERSION")),
        attr::SERVICE_INSTANCE_ID.value(job.to_owned()),
    ];
    for (name, value) in configuration.resource() {
        resource.retain(|known| known.key != *name);
        resource.push(KeyValue::new(name.clone(), value.clone()));
    }
    resource
}

fn reporter(
    of: &ReporterParameters,
    spool: Option<PathBuf>,
    factories: &Factories,
    resource: &[KeyValue],
    runtime: &Handle,
) -> Result<Reporter, String> {
    let mut config = ReporterConfig::new(&of.name).with_resource(resource.to_vec());
    for (key, value) in &of.parameters {
        config = config.with(key, value);
    }
    let patterns = FILTER.map(|key| config.get(key).map_or_else(Vec::new, |text| split(text, ';')));
    let [includes, excludes] = &patterns;
    let filter = SpanFilter::new(includes, excludes).map_err(|error| error.to_string())?;
    let additional = config.entries(ADDITIONAL);
    let additional = additional.map(|(key, value)| KeyValue::new(key.to_owned(), value.to_owned()));
    let additional = additional.collect();
    let destination = destination(of, &config, factories)?;
    let options = PipelineOptions {
        spool: spool.map(|dir| SpoolOptions {
            dir,
            bytes_max: SPOOL_BYTES_MAX,
        }),
        ..PipelineOptions::new(&of.name)
    };
    let pipeline = Pipeline::start(options, destination, &[], runtime).map_err(|error| error.to_string())?;
    Ok(Reporter {
        filter,
        additional,
        ..Reporter::new(pipeline)
    })
}

fn destination(
    of: &ReporterParameters,
    config: &ReporterConfig,
    factories: &Factories,
) -> Result<Box<dyn Destination>, String> {
    let made = match of.factory.as_str() {
        "otlp" => otlp::destination(otlp_options(config)?),
        "jaeger-file" => {
            only(config, &["path"])?;
            let path = config.required("path").map_err(|error| error.to_string())?;
            jaeger_file::destination(JaegerFileOptions::new(path, config.resource().to_vec()))
        }
        "log" => {
            only(config, &[])?;
            log::destination()
        }
        own => {
            let known: Vec<&str> = FACTORIES.into_iter().chain(factories.names()).collect();
            let reporter = factories.make(own).map_err(|_| {
                let key = format!("traces.reporter.{}.factory", of.name);
                format!("bad value {key} = {own:?}: expected {}", known.join(", "))
            })?;
            reporting::destination(reporter, config)
        }
    };
    made.map_err(|error| error.to_string())
}

fn otlp_options(config: &ReporterConfig) -> Result<OtlpOptions, String> {
    only(
        config,
        &[
            "endpoint",
            "headers",
            "certificate",
            "client-certificate",
            "client-key",
            "compression",
        ],
    )?;
    let url = config.required("endpoint").map_err(|error| error.to_string())?;
    let (protocol, endpoint) = protocol(url);
    let headers = config.entries("headers");
    let file = |key: &str| config.get(key).map(PathBuf::from);
    let compression = match config.get("compression") {
        None | Some("none") => Compression::None,
        Some("gzip") => Compression::Gzip,
        Some(other) => return Err(config.bad_value("compression", other, "none or gzip").to_string()),
    };
    Ok(OtlpOptions {
        protocol,
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        tls: TlsOptions {
            ca: file("certificate"),
            certificate: file("client-certificate"),
            key: file("client-key"),
        },
        compression,
        resource: config.resource().to_vec(),
        ..OtlpOptions::new(endpoint)
    })
}

/// `otlp+http…` is OTLP over HTTP, `otlp+json+http…` the same with JSON, all else OTLP over gRPC.
fn protocol(url: &str) -> (Protocol, &str) {
    if let Some(rest) = url.strip_prefix("otlp+json+") {
        (Protocol::HttpJson, rest)
    } else if let Some(rest) = url.strip_prefix("otlp+") {
        (Protocol::HttpProtobuf, rest)
    } else {
        (Protocol::Grpc, url)
    }
}

/// An error for a key that neither every reporter has nor this one.
fn only(config: &ReporterConfig, own: &[&str]) -> Result<(), String> {
    let known: Vec<&str> = own.iter().copied().chain(FILTER).chain([ADDITIONAL]).collect();
    config.only(&known).map_err(|error| error.to_string())
}

fn split(text: &str, separator: char) -> Vec<String> {
    let parts = text.split(separator).map(str::trim);
    parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layers;

    #[test]
    fn opentelemetrys_variables_say_who_reports_and_the_rest_stays() {
        let mut layers = Layers::default();
        let variables = [
            ("OTEL_SERVICE_NAME", "orders"),
            ("OTEL_RESOURCE_ATTRIBUTES", "region=eu"),
        ];
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        layers.variables(variables).expect("they can be read");
        let configuration = Configuration::check(layers).expect("nothing else is said");
        let told: Vec<String> = resource("word-count", &configuration)
            .into_iter()
            .map(|of| format!("{} {:?}", of.key, of.value))
            .collect();
        let has = |key: &str, value: &str| {
            let mut of_key = told.iter().filter(|one| one.starts_with(&format!("{key} ")));
            let one = of_key.next().is_some_and(|one| one.contains(value));
            one && of_key.next().is_none()
        };
        assert!(has("service.name", "orders"), "{told:?}");
        assert!(has("region", "eu"), "{told:?}");
        assert!(has("service.instance.id", "word-count"), "{told:?}");
    }
}
