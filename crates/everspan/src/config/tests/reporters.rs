//! `[traces]`, and the keys at the top level that are short for reporters.

use std::time::Duration;

use everspan_trace::SpanFilter;

use crate::config::table::{self, REPORTER, reporter_leaf};
use crate::config::tests::{env, from_env, from_file, sample};
use crate::config::{Config, ConfigFlags, FactoryConfig, ReporterConfig, Settings};

fn names(config: &Config) -> Vec<&str> {
    let reporters = config.tracing.reporters.iter();
    reporters.map(|reporter| reporter.name.as_str()).collect()
}

fn place(reporter: &ReporterConfig) -> String {
    match &reporter.factory {
        FactoryConfig::Otlp(otlp) => otlp.endpoint.to_string(),
        FactoryConfig::JaegerFile(files) => files.path.display().to_string(),
        FactoryConfig::Log => "log".to_owned(),
        FactoryConfig::Other { factory, .. } => factory.clone(),
    }
}

fn filter(includes: &[&str], excludes: &[&str]) -> SpanFilter {
    SpanFilter::new(includes, excludes).unwrap()
}

#[test]
fn the_keys_at_the_top_level_are_short_for_reporters() {
    let all = ("tracing-endpoint", "http://all:1");
    let services = ("tracing-services-endpoint", "http://services:1");
    let runtime = ("tracing-runtime-endpoint", "http://runtime:1");
    let files = ("tracing-json-path", "/traces");
    let (only, but) = (["everspan.invocation"], ["everspan.invocation"]);
    for (given, wanted) in [
        (
            vec![all, files],
            vec![
                ("otlp", "http://all:1", filter(&[], &[])),
                ("jaeger-file", "/traces", filter(&[], &[])),
            ],
        ),
        (
            vec![services],
            vec![("otlp", "http://services:1", filter(&only, &[]))],
        ),
        (
            vec![runtime],
            vec![("otlp-runtime", "http://runtime:1", filter(&[], &but))],
        ),
        (
            vec![all, services],
            vec![
                ("otlp", "http://services:1", filter(&only, &[])),
                ("otlp-runtime", "http://all:1", filter(&[], &but)),
            ],
        ),
        (
            vec![all, runtime],
            vec![
                ("otlp", "http://all:1", filter(&only, &[])),
                ("otlp-runtime", "http://runtime:1", filter(&[], &but)),
            ],
        ),
        (
            vec![services, ("tracing-runtime-endpoint", services.1)],
            vec![("otlp", "http://services:1", filter(&[], &[]))],
        ),
    ] {
        let text: String = given
            .iter()
            .map(|(key, value)| format!("{key} = {value:?}\n"))
            .collect();
        let config = from_file(&text).unwrap();
        let found: Vec<_> = config
            .tracing
            .reporters
            .iter()
            .map(|reporter| (reporter.name.as_str(), place(reporter), reporter.filter.clone()))
            .collect();
        let wanted: Vec<_> = wanted
            .into_iter()
            .map(|(name, place, filter)| (name, place.to_owned(), filter))
            .collect();
        assert_eq!(found, wanted, "{text}");
    }
}

const DECLARED: &str = r#"
    tracing-json-path = "/short"
    tracing-batch-delay = "50ms"
    tracing-keep = ["failed", "slow:2s"]
    [traces]
    reporters = ["collector", "files", "said", "mine"]
    [traces.reporter.collector]
    factory = "otlp"
    endpoint = "otlp+https://localhost"
    headers = { Authorization = "Bearer x" }
    compression = "gzip"
    timeout = "3s"
    filter.includes = ["everspan.invocation:invocation-end,ingress", "my::*"]
    filter.excludes = []
    scope.variables.additional = { region = "eu", az.name = "b" }
    batch-delay = "1s"
    spool-limit = 0
    [traces.reporter.files]
    factory = "jaeger-file"
    path = "/traces"
    size-limit = "2MiB"
    [traces.reporter.said]
    factory = "log"
    [traces.reporter.mine]
    factory = "every-nth"
    n = 5
    auth.token = "s3cret"
    kinds = ["a", "b"]
"#;

#[test]
fn reporters_are_declared_with_keys_of_their_own() {
    let config = from_file(DECLARED).unwrap();
    let tracing = &config.tracing;
    assert_eq!(names(&config), ["collector", "files", "mine", "said"]);
    assert_eq!(tracing.reporters_off, ["jaeger-file"]);
    assert!(tracing.keep.failed && tracing.keep.slow == Some(Duration::from_secs(2)));

    let collector = &tracing.reporters[0];
    let FactoryConfig::Otlp(otlp) = &collector.factory else {
        panic!("{collector:?}")
    };
    assert_eq!(otlp.endpoint.http_url(), "https://localhost:443");
    assert_eq!(otlp.headers.0["authorization"], "Bearer x");
    assert!(otlp.gzip && otlp.timeout == Duration::from_secs(3));
    assert_eq!(
        collector.filter,
        filter(&["everspan.invocation:invocation-end,ingress", "my::*"], &[])
    );
    let variables: Vec<&String> = collector.additional.keys().collect();
    assert_eq!(variables, ["az.name", "region"]);
    assert_eq!(
        (collector.batch_delay, collector.spool_bytes_max),
        (Duration::from_secs(1), 0)
    );

    let files = &tracing.reporters[1];
    assert!(matches!(&files.factory, FactoryConfig::JaegerFile(files) if files.keep_bytes_max == 2 << 20));
    assert_eq!(
        (files.batch_delay, files.spool_bytes_max),
        (Duration::from_millis(50), 1 << 30)
    );

    let FactoryConfig::Other { factory, values } = &tracing.reporters[2].factory else {
        panic!()
    };
    assert_eq!(factory, "every-nth");
    let values: Vec<(&str, &str)> = values
        .0
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    assert_eq!(values, [("auth.token", "s3cret"), ("kinds", "a,b"), ("n", "5")]);
    assert_eq!(tracing.reporters[3].factory, FactoryConfig::Log);
}

#[test]
fn a_reporter_is_declared_by_variables_and_on_the_command_line_too() {
    let pairs = [
        ("EVERSPAN_TRACES__REPORTER__MY_FILES__FACTORY", "jaeger-file"),
        ("EVERSPAN_TRACES__REPORTER__MY_FILES__PATH", "/traces"),
        (
            "EVERSPAN_TRACES__REPORTER__MY_FILES__SCOPE__VARIABLES__ADDITIONAL__AZ__NAME",
            "b",
        ),
        (
            "EVERSPAN_TRACES__REPORTER__MY_FILES__FILTER__INCLUDES",
            "a:b,c; d",
        ),
        ("EVERSPAN_TRACES__REPORTERS", "my-files, otlp"),
        ("EVERSPAN_TRACES__REPORTER__MINE__FACTORY", "every-nth"),
        ("EVERSPAN_TRACES__REPORTER__MINE__AUTH__TOKEN_NAME", "s3cret"),
    ];
    let flags = ConfigFlags::default()
        .with("traces.reporter.otlp.endpoint", "grpc://flag")
        .with("traces.reporter.otlp.headers.X-Foo", "a=b");
    let config = Config::load(&flags, env(&pairs)).unwrap();
    assert_eq!(names(&config), ["my-files", "otlp"]);
    assert_eq!(config.tracing.reporters_off, ["mine"]);
    let files = &config.tracing.reporters[0];
    assert_eq!(
        (place(files), &*files.additional["az.name"]),
        ("/traces".to_owned(), "b")
    );
    assert_eq!(files.filter, filter(&["a:b,c", "d"], &[]));
    let FactoryConfig::Otlp(otlp) = &config.tracing.reporters[1].factory else {
        panic!()
    };
    assert_eq!(otlp.endpoint.to_string(), "grpc://flag:4317");
    assert_eq!(otlp.headers.0["x-foo"], "a=b");
}

#[test]
fn every_key_of_a_reporter_changes_it_in_each_form() {
    for (factory, needed, value) in [("otlp", "endpoint", "http://h"), ("jaeger-file", "path", "/p")] {
        let set = |leaf: &str| format!("{REPORTER}r.{leaf}");
        let ground = || {
            let flags = ConfigFlags::default();
            let flags = flags.with(&set("factory"), factory).with(&set(needed), value);
            match factory {
                "otlp" => flags
                    .with(&set("client-certificate"), "/c")
                    .with(&set("client-key"), "/k"),
                _ => flags,
            }
        };
        let plain = Config::load(&ground(), []).unwrap();
        for key in table::keys_of(factory).filter(|key| reporter_leaf(key) != "factory") {
            let leaf = reporter_leaf(key);
            let by_set = Config::load(&ground().with(&set(leaf), sample(key)), []).unwrap();
            assert_ne!(by_set, plain, "{leaf} of {factory} has no effect");
            let variable = key.variable().replace("NAME", "R");
            let mut pairs = vec![
                ("EVERSPAN_TRACES__REPORTER__R__FACTORY".to_owned(), factory),
                (
                    format!("EVERSPAN_TRACES__REPORTER__R__{}", needed.to_uppercase()),
                    value,
                ),
            ];
            if factory == "otlp" {
                for (end, value) in [("CERTIFICATE", "/c"), ("KEY", "/k")] {
                    pairs.push((format!("EVERSPAN_TRACES__REPORTER__R__CLIENT_{end}"), value));
                }
            }
            pairs.retain(|(name, _)| *name != variable);
            pairs.push((variable, sample(key)));
            let pairs: Vec<(&str, &str)> = pairs
                .iter()
                .map(|(name, value)| (name.as_str(), *value))
                .collect();
            assert_eq!(from_env(&pairs).unwrap(), by_set, "{leaf} of {factory}");
        }
    }
}

#[test]
fn a_dump_has_the_reporters_and_none_of_their_secrets() {
    let raw = crate::config::RawConfig::from_toml(DECLARED, "e.toml".into()).unwrap();
    let settings = Settings::check(&raw).unwrap();
    let dump = settings.dump();
    assert!(!dump.contains("s3cret") && !dump.contains("Bearer x"), "{dump}");
    let mut shown = settings.config();
    for reporter in &mut shown.tracing.reporters {
        match &mut reporter.factory {
            FactoryConfig::Otlp(otlp) => otlp.headers.0.clear(),
            FactoryConfig::Other { values, .. } => values.0.clear(),
            _ => {}
        }
    }
    assert_eq!(from_file(&dump).unwrap(), shown, "{dump}");
}
