//! Spans: what is recorded, and the reporters it goes to.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use everspan_checkpoint::DetailLevel;
use everspan_trace::catalog::INVOCATION_SCOPE;
use everspan_trace::{LevelFilter, Sampler, SpanFilter};

use crate::config::checked::from_settings::{
    choice, count, duration, endpoint, given, keep, names, pairs, path, patterns, sampler, size, switch, text,
};
use crate::config::endpoint::Endpoint;
use crate::config::keep::Keep;
use crate::config::name_values::Headers;
use crate::config::settings::Settings;
use crate::config::settings::reporters::{Declared, JAEGER_FILE, OTLP, OTLP_RUNTIME};
use crate::config::table::REPORTER;
use crate::config::value::Value;

/// The keys that begin with `tracing-`, and `[traces]`.
#[derive(Clone, Debug, PartialEq)]
pub struct TracingConfig {
    /// Which spans are reported, by any reporter.
    pub filter: LevelFilter,
    /// Which traces are recorded.
    pub sampler: Sampler,
    /// What is reported all the same of what the sampler leaves out.
    pub keep: Keep,
    /// Events on one span; at least 1.
    pub events_max: usize,
    /// Which spans tell of a checkpoint or a start.
    pub checkpoint_detail: DetailLevel,
    /// Longest wait of a start for deliveries from before.
    pub sender_wait_max: Duration,
    /// The resource's `service.name`.
    pub service_name: String,
    /// The resource's other attributes.
    pub resource_attributes: BTreeMap<String, String>,
    /// The reporters that are on.
    pub reporters: Vec<ReporterConfig>,
    /// Names of reporters that are configured and not in `traces.reporters`.
    pub reporters_off: Vec<String>,
}

/// One reporter.
#[derive(Clone, Debug, PartialEq)]
pub struct ReporterConfig {
    /// Its name: lower-case letters, digits and dashes.
    pub name: String,
    /// What the names of its keys begin with: `tracing-`, or `traces.reporter.NAME.`.
    pub key_prefix: String,
    /// What it is.
    pub factory: FactoryConfig,
    /// The spans it takes.
    pub filter: SpanFilter,
    /// Attributes added to every span it sends.
    pub additional: BTreeMap<String, String>,
    /// Longest wait of an ended span before it is sent.
    pub batch_delay: Duration,
    /// Spans in one export; at least 1.
    pub batch_spans_max: usize,
    /// Memory for spans that wait, in bytes.
    pub queue_bytes_max: u64,
    /// Disk for spans that wait, in bytes; 0 is no spool.
    pub spool_bytes_max: u64,
}

/// What makes a reporter, with the keys that are its own.
#[derive(Clone, Debug, PartialEq)]
pub enum FactoryConfig {
    /// A collector that speaks OTLP.
    Otlp(OtlpConfig),
    /// Jaeger JSON files.
    JaegerFile(JaegerFileConfig),
    /// The server's own log.
    Log,
    /// A factory of the user's own.
    Other {
        /// The factory's name.
        factory: String,
        /// Its keys; their values may be secrets.
        values: Headers,
    },
}

/// A collector.
#[derive(Clone, Debug, PartialEq)]
pub struct OtlpConfig {
    /// Its address.
    pub endpoint: Endpoint,
    /// Headers sent with every export.
    pub headers: Headers,
    /// PEM file of the authorities trusted to sign its certificate, in place of the system's.
    pub certificate: Option<PathBuf>,
    /// PEM file of the certificate shown to it; never without `client_key`.
    pub client_certificate: Option<PathBuf>,
    /// PEM file of that certificate's private key.
    pub client_key: Option<PathBuf>,
    /// Whether exports are compressed with gzip.
    pub gzip: bool,
    /// How long it may take to answer an export.
    pub timeout: Duration,
    /// Whether a process of its own sends to it.
    pub sender_process: bool,
}

/// Jaeger JSON files.
#[derive(Clone, Debug, PartialEq)]
pub struct JaegerFileConfig {
    /// Directory of the files.
    pub path: PathBuf,
    /// Largest file, in bytes.
    pub file_bytes_max: u64,
    /// All files together, in bytes.
    pub keep_bytes_max: u64,
    /// Age at which a file is removed.
    pub keep_age_max: Duration,
}

pub(super) fn read(from: &Settings) -> TracingConfig {
    let mut reporters = short(from);
    reporters.extend(from.reporters.iter().map(|reporter| declared(from, reporter)));
    let on = given(from, "traces.reporters", names);
    let is_on = |reporter: &ReporterConfig| on.as_ref().is_none_or(|on| on.contains(&reporter.name));
    let (reporters, off): (Vec<_>, Vec<_>) = reporters.into_iter().partition(is_on);
    TracingConfig {
        filter: text(from, "tracing-filter")
            .parse()
            .expect("the value was checked with its key"),
        sampler: sampler(from, "tracing-sampler"),
        keep: given(from, "tracing-keep", keep).unwrap_or_default(),
        events_max: count(from, "tracing-events-max"),
        checkpoint_detail: choice(from, "traces.checkpoint.span-detail-level")
            .parse()
            .expect("the row offers the names of the levels"),
        sender_wait_max: duration(from, "tracing-sender-wait"),
        service_name: text(from, "tracing-service-name"),
        resource_attributes: pairs(from, "tracing-resource-attributes"),
        reporters,
        reporters_off: off.into_iter().map(|reporter| reporter.name).collect(),
    }
}

/// The reporters of the top-level keys.
fn short(from: &Settings) -> Vec<ReporterConfig> {
    let mut reporters = Vec::new();
    let (services, runtime) = from.collectors();
    let together = services == runtime;
    let otlp = |to: &Value| {
        let Value::Endpoint(endpoint) = to else {
            unreachable!("keys of endpoints have endpoints")
        };
        FactoryConfig::Otlp(otlp(from, "tracing-", endpoint.clone()))
    };
    let filter = |includes: &[&str], excludes: &[&str]| {
        SpanFilter::new(includes, excludes).expect("a scope of the catalog is a pattern")
    };
    if let Some(services) = services {
        let includes: &[&str] = if together { &[] } else { &[INVOCATION_SCOPE] };
        let filter = filter(includes, &[]);
        reporters.push(reporter(from, OTLP, "tracing-", otlp(services), filter));
    }
    if let Some(runtime) = runtime.filter(|_| !together) {
        let filter = filter(&[], &[INVOCATION_SCOPE]);
        reporters.push(reporter(from, OTLP_RUNTIME, "tracing-", otlp(runtime), filter));
    }
    if from.own("tracing-json-path").is_some() {
        let prefix = "tracing-json-";
        let files = FactoryConfig::JaegerFile(jaeger_file(from, prefix));
        reporters.push(reporter(from, JAEGER_FILE, prefix, files, SpanFilter::default()));
    }
    reporters
}

fn reporter(
    from: &Settings,
    name: &str,
    key_prefix: &str,
    factory: FactoryConfig,
    filter: SpanFilter,
) -> ReporterConfig {
    ReporterConfig {
        name: name.to_owned(),
        key_prefix: key_prefix.to_owned(),
        factory,
        filter,
        additional: BTreeMap::new(),
        batch_delay: duration(from, "tracing-batch-delay"),
        batch_spans_max: count(from, "tracing-batch-max"),
        queue_bytes_max: size(from, "tracing-queue-size"),
        spool_bytes_max: size(from, "tracing-spool-limit"),
    }
}

/// A reporter with a table of its own; what it does not say of its queue, the top-level keys say.
fn declared(from: &Settings, said: &Declared) -> ReporterConfig {
    let prefix = format!("{REPORTER}{}.", said.name);
    let key = |leaf: &str| format!("{prefix}{leaf}");
    let listed = |leaf: &str| given(from, &key(leaf), patterns).unwrap_or_default();
    let filter = SpanFilter::new(&listed("filter.includes"), &listed("filter.excludes"))
        .expect("each pattern was checked with its key");
    let general = reporter(from, &said.name, &prefix, factory(from, said, &prefix), filter);
    let or_size = |leaf: &str, general| given(from, &key(leaf), size).unwrap_or(general);
    ReporterConfig {
        additional: pairs(from, &key("scope.variables.additional")),
        batch_delay: given(from, &key("batch-delay"), duration).unwrap_or(general.batch_delay),
        batch_spans_max: given(from, &key("batch-max"), count).unwrap_or(general.batch_spans_max),
        queue_bytes_max: or_size("queue-size", general.queue_bytes_max),
        spool_bytes_max: or_size("spool-limit", general.spool_bytes_max),
        ..general
    }
}

fn factory(from: &Settings, said: &Declared, prefix: &str) -> FactoryConfig {
    match said.factory.as_str() {
        OTLP => FactoryConfig::Otlp(otlp(from, prefix, endpoint(from, &format!("{prefix}endpoint")))),
        JAEGER_FILE => FactoryConfig::JaegerFile(jaeger_file(from, prefix)),
        "log" => FactoryConfig::Log,
        other => {
            let values = said.others.iter();
            FactoryConfig::Other {
                factory: other.to_owned(),
                values: Headers(
                    values
                        .map(|(key, given)| (key.clone(), given.text.clone()))
                        .collect(),
                ),
            }
        }
    }
}

fn otlp(from: &Settings, prefix: &str, endpoint: Endpoint) -> OtlpConfig {
    let key = |leaf: &str| format!("{prefix}{leaf}");
    let file = |leaf: &str| given(from, &key(leaf), path);
    OtlpConfig {
        endpoint,
        headers: Headers(pairs(from, &key("headers"))),
        certificate: file("certificate"),
        client_certificate: file("client-certificate"),
        client_key: file("client-key"),
        gzip: choice(from, &key("compression")) == "gzip",
        timeout: duration(from, &key("timeout")),
        sender_process: switch(from, "tracing-sender-process"),
    }
}

fn jaeger_file(from: &Settings, prefix: &str) -> JaegerFileConfig {
    let key = |leaf: &str| format!("{prefix}{leaf}");
    JaegerFileConfig {
        path: path(from, &key("path")),
        file_bytes_max: size(from, &key("file-size")),
        keep_bytes_max: size(from, &key("size-limit")),
        keep_age_max: duration(from, &key("age-limit")),
    }
}
