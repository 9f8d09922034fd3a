//! The whole way from file, variables and flags to [`Config`], by example.

mod mistakes;
mod reporters;
mod tracing_variables;

use std::ffi::OsString;

use crate::config::key::Key;
use crate::config::value::Kind;
use crate::config::{
    Config, ConfigError, ConfigFlags, FactoryConfig, LogFormat, OnMaxAttempts, RawConfig, Settings, table,
};

type Pairs<'a> = &'a [(&'a str, &'a str)];

fn env(pairs: Pairs<'_>) -> Vec<(OsString, OsString)> {
    pairs
        .iter()
        .map(|(name, value)| (OsString::from(*name), OsString::from(*value)))
        .collect()
}

fn from_file(text: &str) -> Result<Config, ConfigError> {
    Ok(Settings::check(&RawConfig::from_toml(text, "e.toml".into())?)?.config())
}

fn from_env(pairs: Pairs<'_>) -> Result<Config, ConfigError> {
    Config::load(&ConfigFlags::default(), env(pairs))
}

/// A value that differs from the default of every key of its kind.
fn sample(key: &Key) -> &'static str {
    match key.kind {
        Kind::Text => "seven",
        Kind::Filter | Kind::SpanFilter => "warn,everspan=debug",
        Kind::Path => "/tmp/a \"b\"\\c",
        Kind::Duration => "7s",
        Kind::Size => "7MiB",
        Kind::Count | Kind::Float => "7",
        Kind::Limit => "unlimited",
        Kind::Bool if key.default == Some("true") => "false",
        Kind::Bool => "true",
        Kind::Address if key.name.starts_with("admin") => "[::1]:7",
        Kind::Address => "127.0.0.1:7",
        Kind::Endpoint => "grpc://collector:7",
        Kind::Choice(choices) => choices[choices.len() - 1],
        Kind::Sampler => "parentbased_traceidratio:0.7",
        Kind::Headers | Kind::Attributes | Kind::Resource => "x-seven=7",
        Kind::Keep => "failed,slow:7s",
        Kind::Names => "otlp",
        Kind::Patterns => "a:b,c;d",
        Kind::Other => "seven",
    }
}

/// Values without which some keys have no effect, or are refused.
const GROUND: Pairs<'_> = &[
    ("EVERSPAN_TRACING_ENDPOINT", "http://ground:1"),
    ("EVERSPAN_TRACING_JSON_PATH", "/tmp/ground"),
    ("EVERSPAN_TRACING_CLIENT_CERTIFICATE", "/tmp/ground.pem"),
    ("EVERSPAN_TRACING_CLIENT_KEY", "/tmp/ground.key"),
];

/// The ground, with these over it.
fn on_ground<'a>(pairs: Pairs<'a>) -> Vec<(&'a str, &'a str)> {
    let given = |name: &str| pairs.iter().any(|(over, _)| *over == name);
    let ground = GROUND.iter().filter(|(name, _)| !given(name));
    ground.chain(pairs).copied().collect()
}

#[test]
fn the_defaults_are_the_documented_ones() {
    let config = Config::default();
    assert_eq!(config.ingress.bind_address.to_string(), "127.0.0.1:8080");
    assert_eq!(config.admin.bind_address.to_string(), "127.0.0.1:9070");
    assert_eq!(config.partitions, 8);
    assert_eq!(config.log_format, LogFormat::Pretty);
    assert_eq!(config.default_retry_policy.max_attempts, Some(70));
    assert_eq!(config.default_retry_policy.on_max_attempts, OnMaxAttempts::Pause);
    assert_eq!(config.tracing.sampler, everspan_trace::Sampler::default());
    assert_eq!(config.tracing.reporters, []);
    assert_eq!((config.worker.threads_on(0), config.worker.threads_on(6)), (1, 6));
}

#[test]
fn every_key_changes_the_configuration_by_variable_and_by_flag() {
    let ground = from_env(GROUND).unwrap();
    for key in table::keys() {
        let by_variable = from_env(&on_ground(&[(&key.variable(), sample(key))])).unwrap();
        assert_ne!(by_variable, ground, "{} has no effect", key.name);
        let flags = ConfigFlags::default().with(key.name, sample(key));
        let by_flag = Config::load(&flags, env(GROUND)).unwrap();
        assert_eq!(by_flag, by_variable, "{}", key.name);
    }
}

#[test]
fn each_key_has_names_of_its_own_and_the_flag_follows_the_key() {
    let mut variables: Vec<String> = table::keys().map(Key::variable).collect();
    variables.sort();
    variables.dedup();
    assert_eq!(variables.len(), table::keys().count());
    for key in table::keys() {
        assert!(
            key.flag.is_none_or(|flag| flag == key.name.replace('.', "-")),
            "{}",
            key.name
        );
    }
}

#[test]
fn a_dump_reads_back_as_the_same_configuration() {
    let all: Vec<(String, &str)> = table::keys().map(|key| (key.variable(), sample(key))).collect();
    let all: Vec<(&str, &str)> = all.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    for pairs in [&[][..], &all] {
        let settings = Settings::load(&ConfigFlags::default(), env(pairs)).unwrap();
        let dump = settings.dump();
        let mut shown = settings.config();
        for reporter in &mut shown.tracing.reporters {
            if let FactoryConfig::Otlp(otlp) = &mut reporter.factory {
                otlp.headers.0.clear();
            }
        }
        shown.worker.invoker.additional_request_headers.0.clear();
        shown.checkpoint.options.0.clear();
        assert_eq!(from_file(&dump).unwrap(), shown, "{dump}");
    }
}

#[test]
fn a_dump_tells_sources_and_hides_secrets() {
    let flags = ConfigFlags::default()
        .with("partitions", "16")
        .with("tracing-headers", "authorization=s3cret");
    let pairs = [
        ("EVERSPAN_WORKER__THREADS", "2"),
        ("OTEL_RESOURCE_ATTRIBUTES", "host.name=h"),
    ];
    let dump = Settings::load(&flags, env(&pairs)).unwrap().dump();
    for part in [
        "# source: flag --partitions\npartitions = 16\n",
        "# source: variable EVERSPAN_WORKER__THREADS\nthreads = 2\n",
        "# source: default\nbase-dir = \"./everspan-data\"\n",
        "# tracing-endpoint = \"URL\"\n",
        "exponentiation-factor = 2.0\n",
        "# source: flag --tracing-headers\n# \"authorization\" = \"<redacted>\"\n",
        "\"host.name\" = \"h\"\n",
    ] {
        assert!(dump.contains(part), "{part} is missing in\n{dump}");
    }
    assert!(!dump.contains("s3cret"));
}

#[test]
fn flags_win_over_variables_and_variables_over_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("everspan.toml");
    std::fs::write(
        &file,
        "node-name = \"file\"\n[worker]\nthreads = 1\nmailbox-max = 1\n",
    )
    .unwrap();
    let pairs = [
        ("EVERSPAN_CONFIG_FILE", file.to_str().unwrap()),
        ("EVERSPAN_WORKER__THREADS", "2"),
        ("EVERSPAN_NODE_NAME", "variable"),
    ];
    let flags = ConfigFlags::default().with("node-name", "flag");
    let config = Config::load(&flags, env(&pairs)).unwrap();
    assert_eq!(
        (
            config.node_name.as_str(),
            config.worker.threads,
            config.worker.mailbox_max
        ),
        ("flag", 2, 1)
    );

    let mut flags = flags;
    flags.config_file = Some(dir.path().join("none.toml"));
    let error = Config::load(&flags, env(&pairs)).unwrap_err().to_string();
    assert!(
        error.contains("none.toml") && error.contains("flag --config-file"),
        "{error}"
    );
}

#[test]
fn a_file_may_use_every_toml_form() {
    let config = from_file(
        r#"
        partitions = 1_6
        ingress = { bind-address = "0.0.0.0:1", request-size-limit = 0x10_0000 }
        worker.invoker.disable-eager-state = true
        [default-retry-policy]
        exponentiation-factor = 1.5
        max-attempts = "unlimited"
        [tracing-resource-attributes]
        host.name = "h"
        "cloud.region" = "eu"
        n = 5
        [worker.invoker.additional-request-headers]
        X-Tenant = "Blue"
        "#,
    )
    .unwrap();
    assert_eq!(config.partitions, 16);
    assert_eq!(config.ingress.request_size_limit, 1 << 20);
    assert!(config.worker.invoker.disable_eager_state);
    assert_eq!(config.default_retry_policy.max_attempts, None);
    assert!((config.default_retry_policy.exponentiation_factor - 1.5).abs() < f64::EPSILON);
    let names: Vec<&String> = config.tracing.resource_attributes.keys().collect();
    assert_eq!(names, ["cloud.region", "host.name", "n"]);
    assert_eq!(
        config.worker.invoker.additional_request_headers.0["x-tenant"],
        "Blue"
    );
}

#[test]
fn variables_of_others_are_left_alone() {
    for (name, value) in [
        ("PATH", "/bin"),
        ("RESTATE_CLUSTER_NAME", "x"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", ""),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "x"),
        ("OTEL_LOGS_EXPORTER", "x"),
        ("OTEL_SERVICE_NAME", ""),
        ("OTEL_TRACES_SAMPLER_ARG", "0.5"),
        ("EVERSPAN_ADMIN_URL", "x"),
        ("EVERSPAN_JOB_PARALLELISM__DEFAULT", "4"),
        ("EVERSPAN_SERVICE_HOST", "10.0.0.1"),
        ("EVERSPAN_SERVICE_PORT", "8080"),
        ("EVERSPAN_SERVICE_PORT_INGRESS", "8080"),
        ("EVERSPAN_PORT", "tcp://10.0.0.1:8080"),
        ("EVERSPAN_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("EVERSPAN_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ("EVERSPAN_PORT_8080_TCP_PORT", "8080"),
        ("EVERSPAN_ADMIN_PORT_9070_TCP_PROTO", "tcp"),
    ] {
        assert_eq!(from_env(&[(name, value)]), Ok(Config::default()), "{name}");
    }
}
