//! What is refused, and what the message says.

use std::ffi::OsString;

use crate::config::tests::{from_env, from_file};
use crate::config::{Config, ConfigFlags};

/// A file and a part of what is said about it.
const FILE_MISTAKES: &[(&str, &str)] = &[
    (
        "\n[ingres]\nbind-address = \"x\"",
        "unknown key ingres (e.toml line 2)",
    ),
    (
        "[ingress]\nbind-adress = \"x\"",
        "unknown key ingress.bind-adress (e.toml line 2); did you mean ingress.bind-address?",
    ),
    (
        "bind-address = \"x\"",
        "unknown key bind-address (e.toml line 1); did you mean admin.bind-address?",
    ),
    (
        "[bifrost]\ndefault-provider = 1",
        "unknown key bifrost (e.toml line 1); docs/CONFIGURATION.md",
    ),
    (
        "partitions = \"many\"",
        "bad value partitions = \"many\" (e.toml line 1): expected a whole number",
    ),
    (
        "partitions = 0",
        "bad value partitions = \"0\" (e.toml line 1): must be between 1 and 1024",
    ),
    (
        "partitions = []",
        "bad value partitions = \"an array\" (e.toml line 1): expected a whole number",
    ),
    ("partitions = { a = 1 }", "bad value partitions = \"a table\""),
    (
        "partitions = 99999999999999999999",
        "the number does not fit into 64 bits",
    ),
    (
        "shutdown-timeout = 10",
        "bad value shutdown-timeout = \"10\" (e.toml line 1): expected a duration",
    ),
    ("ingress = 1", "unknown key ingress (e.toml line 1)"),
    (
        "log-filter = \"a=b=c\"",
        "bad value log-filter = \"a=b=c\" (e.toml line 1)",
    ),
    ("log-format = \"xml\"", "expected pretty or compact or json"),
    (
        "cluster-name = \"\"",
        "bad value cluster-name = \"\" (e.toml line 1): expected some text",
    ),
    (
        "[admin]\nbind-address = \"localhost\"",
        "expected an IP address and a port, such as 127.0.0.1:8080",
    ),
    (
        "tracing-headers = \"a\"",
        "bad value tracing-headers = \"<redacted>\"",
    ),
    (
        "[tracing-headers]\n\"b c\" = \"s3cret\"",
        "bad value tracing-headers.b c = \"<redacted>\" (e.toml line 2)",
    ),
    (
        "[tracing-headers]\na = \"ä\"",
        "a header value is printable ASCII",
    ),
    (
        "tracing-resource-attributes = \"service.name=x\"",
        "given by tracing-service-name",
    ),
    (
        "tracing-endpoint = \"http://u:pw@h\"",
        "bad value tracing-endpoint = \"<redacted>\"",
    ),
    (
        "tracing-endpoint = \"ftp://h\"",
        "bad value tracing-endpoint = \"ftp://h\" (e.toml line 1): unknown scheme ftp; supported are http, https",
    ),
    (
        "tracing-keep = [\"failed\", \"slow\"]",
        "bad value tracing-keep = \"failed,slow\" (e.toml line 1): \"slow\" is unknown",
    ),
    (
        "tracing-client-key = \"/k\"",
        "tracing-client-certificate is missing: tracing-client-key = \"/k\" (e.toml line 1) needs it",
    ),
    ("[traces]\nreporters = []", "without the key, all are on"),
    (
        "[traces]\nreporters = [\"a,b\"]",
        "an item of a list cannot have a , in it",
    ),
    (
        "[traces]\nreporters = [\"files\"]",
        "bad value traces.reporters = \"files\" (e.toml line 2): no reporter is configured",
    ),
    (
        "tracing-json-path = \"/p\"\n[traces]\nreporters = [\"files\"]",
        "no reporter has this name; configured are jaeger-file",
    ),
    (
        "[traces.reporter.Mine]\nfactory = \"log\"",
        "bad value traces.reporter = \"Mine\" (e.toml line 2): the name of a reporter is 1 to 64 lower-case",
    ),
    (
        "[traces.reporter.c]\nendpoint = \"http://h\"",
        "traces.reporter.c.factory is missing: a reporter needs a factory: otlp, jaeger-file, log",
    ),
    (
        "[traces.reporter.otlp]\ntimeout = \"1s\"",
        "traces.reporter.otlp.endpoint is missing",
    ),
    (
        "[traces.reporter.otlp]\nendpont = \"http://h\"",
        "unknown key traces.reporter.otlp.endpont (e.toml line 2); did you mean traces.reporter.otlp.endpoint?",
    ),
    (
        "[traces.reporter.log]\npath = \"/p\"",
        "traces.reporter.log.path (e.toml line 2) and traces.reporter.log.factory = \"log\": a reporter of this factory",
    ),
    (
        "[traces.reporter.otlp]\nexporter.endpoint = \"http://h\"",
        "did you mean traces.reporter.otlp.endpoint?",
    ),
    (
        "tracing-endpoint = \"http://h\"\n[traces.reporter.otlp]\nendpoint = \"http://h\"",
        "tracing-endpoint = \"http://h:80\" (e.toml line 1) and [traces.reporter.otlp]: the top-level key is short for",
    ),
    (
        "[traces.reporter.otlp]\nheaders = { \"a b\" = \"s3cret\" }\nendpoint = \"http://h\"",
        "bad value traces.reporter.otlp.headers.a b = \"<redacted>\" (e.toml line 2)",
    ),
    (
        "[traces.reporter.otlp]\nendpoint = 5",
        "bad value traces.reporter.otlp.endpoint = \"5\" (e.toml line 2): no scheme",
    ),
    (
        "traces.reporter = 5",
        "unknown key traces.reporter (e.toml line 1)",
    ),
    (
        "traces.reporter.a = 5",
        "unknown key traces.reporter.a (e.toml line 1)",
    ),
    (
        "[admin]\nbind-address = \"localhost:8080\"",
        "ingress.bind-address = \"127.0.0.1:8080\" (default) and admin.bind-address = \"127.0.0.1:8080\" \
             (e.toml line 2): two listeners cannot share one address",
    ),
    (
        "[default-retry-policy]\nmax-interval = \"1ms\"",
        "the first wait cannot be longer than the longest",
    ),
    (
        "[default-retry-policy]\nexponentiation-factor = 0.5",
        "must be between 1 and 1000",
    ),
    (
        "[default-retry-policy]\nexponentiation-factor = nan",
        "expected a number",
    ),
    (
        "[default-retry-policy]\nmax-attempts = 0",
        "must be between 1 and 4294967295",
    ),
    ("a = ", "e.toml is not valid TOML"),
    ("partitions = 1\npartitions = 2", "e.toml is not valid TOML"),
];

#[test]
fn a_mistake_in_the_file_is_named_with_its_line() {
    for (text, message) in FILE_MISTAKES {
        let error = from_file(text).unwrap_err().to_string();
        assert!(
            error.contains(message),
            "{text}\n says: {error}\n not:  {message}"
        );
    }
}

#[test]
fn a_mistake_in_a_variable_is_named() {
    for (pair, message) in [
        (
            ("EVERSPAN_INGRES__BIND_ADDRESS", "x"),
            "unknown variable EVERSPAN_INGRES__BIND_ADDRESS; did you mean EVERSPAN_INGRESS__BIND_ADDRESS?",
        ),
        (
            ("EVERSPAN_INGRESS_BIND_ADDRESS", "x"),
            "unknown variable EVERSPAN_INGRESS_BIND_ADDRESS; did you mean EVERSPAN_INGRESS__BIND_ADDRESS?",
        ),
        (
            ("EVERSPAN_CONFIG", "x"),
            "unknown variable EVERSPAN_CONFIG; did you mean EVERSPAN_CONFIG_FILE?",
        ),
        (
            ("RESTATE_TRACING_ENDPOINTS", "x"),
            "unknown variable RESTATE_TRACING_ENDPOINTS; did you mean EVERSPAN_TRACING_ENDPOINT?",
        ),
        (
            ("EVERSPAN_PARTITIONS", "-1"),
            "bad value partitions = \"-1\" (variable EVERSPAN_PARTITIONS): expected a whole number",
        ),
        (("EVERSPAN_PARTITIONS", ""), "bad value partitions = \"\""),
        (
            ("EVERSPAN_TRACING_HEADERS__", "x"),
            "unknown variable EVERSPAN_TRACING_HEADERS__",
        ),
        (
            ("OTEL_TRACES_SAMPLER", "xray"),
            "bad value tracing-sampler = \"xray\" (variable OTEL_TRACES_SAMPLER)",
        ),
        (
            ("OTEL_RESOURCE_ATTRIBUTES", "a"),
            "bad value tracing-resource-attributes = \"a\"",
        ),
        (
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "x"),
            "(variable OTEL_EXPORTER_OTLP_ENDPOINT)",
        ),
        (
            ("OTEL_BSP_SCHEDULE_DELAY", "soon"),
            "bad value tracing-batch-delay = \"soon\" (variable OTEL_BSP_SCHEDULE_DELAY): expected a number of milliseconds",
        ),
        (
            ("OTEL_TRACES_EXPORTER", "zipkin"),
            "OTEL_TRACES_EXPORTER is otlp or none",
        ),
        (
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "soap"),
            "the protocol is grpc, http/protobuf or http/json",
        ),
        (
            ("EVERSPAN_TRACES__REPORTER__OTLP__ENDPONT", "x"),
            "unknown key traces.reporter.otlp.endpont (variable EVERSPAN_TRACES__REPORTER__OTLP__ENDPONT); did you mean",
        ),
        (
            ("EVERSPAN_TRACES__REPORTER__", "x"),
            "unknown variable EVERSPAN_TRACES__REPORTER__",
        ),
        (
            ("EVERSPAN_CONFIG_FILE", "/nowhere/e.toml"),
            "(variable EVERSPAN_CONFIG_FILE)",
        ),
    ] {
        let error = from_env(&[pair]).unwrap_err().to_string();
        assert!(
            error.contains(message),
            "{pair:?}\n says: {error}\n not:  {message}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf8_is_refused_when_it_is_ours() {
    use std::os::unix::ffi::OsStringExt;
    let broken = || OsString::from_vec(vec![0xff]);
    let load = |name: &str| Config::load(&ConfigFlags::default(), [(OsString::from(name), broken())]);
    assert!(
        load("EVERSPAN_NODE_NAME")
            .unwrap_err()
            .to_string()
            .contains("not valid UTF-8")
    );
    assert_eq!(load("LANG"), Ok(Config::default()));
    assert_eq!(
        Config::load(&ConfigFlags::default(), [(broken(), broken())]),
        Ok(Config::default())
    );
}

#[test]
fn a_mistake_in_a_key_that_is_set_on_the_command_line_is_named() {
    for (key, value, message) in [
        (
            "partitions",
            "0",
            "bad value partitions = \"0\" (flag --partitions)",
        ),
        (
            "worker.mailbox-max",
            "0",
            "bad value worker.mailbox-max = \"0\" (flag --set): must be between",
        ),
        (
            "worker.mailbx-max",
            "1",
            "unknown key worker.mailbx-max (flag --set); did you mean worker.mailbox-max?",
        ),
        (
            "traces.reporter.a b.factory",
            "log",
            "bad value traces.reporter = \"a b\" (flag --set)",
        ),
    ] {
        let flags = ConfigFlags::default().with(key, value);
        let error = Config::load(&flags, []).unwrap_err().to_string();
        assert!(error.contains(message), "{key}\n says: {error}\n not:  {message}");
    }
}
