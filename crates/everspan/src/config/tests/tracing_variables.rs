//! Tracing is also told by the variables of Restate and of OpenTelemetry.

use crate::config::tests::{Pairs, from_env};
use crate::config::{FactoryConfig, duration};

/// What the variables lead to, in words: the reporters, then what holds for all of them.
fn said(pairs: Pairs<'_>) -> Vec<String> {
    let told = from_env(pairs).unwrap().tracing;
    let mut said = vec![
        format!("sampler {}", told.sampler),
        format!("service {}", told.service_name),
        format!("resource {:?}", told.resource_attributes),
        format!("events {}", told.events_max),
    ];
    for reporter in told.reporters {
        let name = &reporter.name;
        said.push(format!(
            "{name}: {} spans or {}",
            reporter.batch_spans_max,
            duration::show(reporter.batch_delay)
        ));
        match reporter.factory {
            FactoryConfig::Otlp(otlp) => {
                let headers = &otlp.headers.0;
                said.push(format!("{name}: to {}", otlp.endpoint));
                said.push(format!("{name}: headers {headers:?}"));
                said.push(format!(
                    "{name}: gzip {}, {}",
                    otlp.gzip,
                    duration::show(otlp.timeout)
                ));
                said.push(format!(
                    "{name}: certificates {:?} {:?} {:?}",
                    otlp.certificate, otlp.client_certificate, otlp.client_key
                ));
            }
            other => said.push(format!("{name}: {other:?}")),
        }
    }
    said
}

/// Variables, and what is said beside what is always said.
const CASES: &[(Pairs<'_>, &[&str])] = &[
    (
        &[("RESTATE_TRACING_ENDPOINT", "http://r:1")],
        &["otlp: to http://r:1"],
    ),
    (
        &[
            ("RESTATE_TRACING_ENDPOINT", "http://r:1"),
            ("EVERSPAN_TRACING_ENDPOINT", "http://e:1"),
        ],
        &["otlp: to http://e:1"],
    ),
    (
        &[
            ("RESTATE_TRACING_SERVICES_ENDPOINT", "http://s:1"),
            ("RESTATE_TRACING_RUNTIME_ENDPOINT", "otlp+json+http://r:1"),
        ],
        &["otlp: to http://s:1", "otlp-runtime: to otlp+json+http://r:1"],
    ),
    (
        &[
            ("RESTATE_TRACING_ENDPOINT", "http://r:1"),
            ("RESTATE_TRACING_HEADERS__X_FOO", "r"),
            ("RESTATE_TRACING_HEADERS__X_BAR", "r"),
            ("EVERSPAN_TRACING_HEADERS__X_FOO", "e"),
            ("EVERSPAN_TRACING_HEADERS", "a=b%2Cc"),
        ],
        &[r#"otlp: headers {"a": "b,c", "x-bar": "r", "x-foo": "e"}"#],
    ),
    (
        &[("OTEL_TRACES_SAMPLER", "traceidratio")],
        &["sampler traceidratio:1"],
    ),
    (
        &[
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.3"),
        ],
        &["sampler parentbased_traceidratio:0.3"],
    ),
    (
        &[
            ("OTEL_TRACES_SAMPLER", "always_off"),
            ("OTEL_TRACES_SAMPLER_ARG", "x"),
        ],
        &["sampler always_off"],
    ),
    (
        &[
            ("OTEL_TRACES_SAMPLER", "always_off"),
            ("EVERSPAN_TRACING_SAMPLER", "always_on"),
        ],
        &["sampler always_on"],
    ),
    (&[("OTEL_SERVICE_NAME", "bar")], &["service bar"]),
    (
        &[("OTEL_RESOURCE_ATTRIBUTES", "service.name=foo,a.b=1,c=2%2C3")],
        &["service foo", r#"resource {"a.b": "1", "c": "2,3"}"#],
    ),
    (
        &[
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=foo"),
            ("OTEL_SERVICE_NAME", "bar"),
        ],
        &["service bar"],
    ),
    (
        &[
            ("EVERSPAN_TRACING_SERVICE_NAME", "own"),
            ("OTEL_SERVICE_NAME", "bar"),
        ],
        &["service own"],
    ),
    (
        &[
            ("OTEL_SPAN_EVENT_COUNT_LIMIT", "9"),
            ("OTEL_BSP_SCHEDULE_DELAY", "1500"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "7"),
            ("RESTATE_TRACING_ENDPOINT", "http://r:1"),
        ],
        &["events 9", "otlp: 7 spans or 1s 500ms"],
    ),
];

/// Variables of the OTLP exporter, and what is said of the reporter.
const EXPORTER: &[(Pairs<'_>, &[&str])] = &[
    (
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318")],
        &["otlp: to otlp+http://c:4318/v1/traces"],
    ),
    (
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://c/otlp/")],
        &["otlp: to otlp+https://c:443/otlp/v1/traces"],
    ),
    (
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t:4318/mine"),
        ],
        &["otlp: to otlp+http://t:4318/mine"],
    ),
    (
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4317"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
        ],
        &["otlp: to grpc+http://c:4317"],
    ),
    (
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "c:4317"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ],
        &["otlp: to grpc+https://c:4317"],
    ),
    (
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "c:4317"),
            ("OTEL_EXPORTER_OTLP_INSECURE", "TRUE"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ],
        &["otlp: to grpc+http://c:4317"],
    ),
    (
        &[
            ("OTEL_TRACES_EXPORTER", "otlp"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ],
        &["otlp: to otlp+json+http://localhost:4318/v1/traces"],
    ),
    (
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=1,b=2"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "c=3"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca"),
            ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/crt"),
            ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/key"),
        ],
        &[
            "otlp: to otlp+http://c:4318/v1/traces",
            r#"otlp: headers {"c": "3"}"#,
            "otlp: gzip true, 2s 500ms",
            r#"otlp: certificates Some("/ca") Some("/crt") Some("/key")"#,
        ],
    ),
    (
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"),
            ("EVERSPAN_TRACING_ENDPOINT", "http://e:1"),
        ],
        &["otlp: to http://e:1"],
    ),
];

#[test]
fn tracing_is_also_told_by_the_variables_of_restate_and_opentelemetry() {
    let always = said(&[]);
    for (pairs, changed) in CASES.iter().chain(EXPORTER) {
        let said = said(pairs);
        for line in *changed {
            assert!(
                said.iter().any(|found| found == line),
                "{pairs:?}\n says: {said:#?}\n not:  {line}"
            );
        }
        let general = said.iter().filter(|line| !line.contains(": "));
        let new = general.filter(|line| !always.contains(line));
        assert!(
            new.clone().all(|line| changed.contains(&line.as_str())),
            "{pairs:?} says more: {:?}",
            new.collect::<Vec<_>>()
        );
    }
}

#[test]
fn the_collector_of_opentelemetrys_variables_can_be_switched_off() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318");
    for off in [
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_SDK_DISABLED", "True"),
        ("EVERSPAN_TRACING_ENDPOINT", ""),
    ] {
        let config = from_env(&[endpoint, off]).unwrap();
        assert_eq!(config.tracing.reporters, [], "{off:?}");
    }
}
