//! Mistakes have an exit code and a text that says what to do.

use super::process::{ServerProcess, run};

fn check(arguments: &[&str], code: i32, parts: &[&str]) {
    let said = run(arguments);
    assert_eq!(said.code, Some(code), "{arguments:?}: {}", said.err);
    for part in parts {
        assert!(said.err.contains(part), "{arguments:?}: {part:?} in {}", said.err);
    }
    assert!(!said.err.contains("panicked"), "{}", said.err);
}

#[test]
fn wrong_usage_exits_with_2() {
    check(&["--no-such-flag"], 2, &["--no-such-flag"]);
    check(&["demo", "--port-base", "70000"], 2, &["70000"]);
    check(&["invocations"], 2, &["Usage"]);
    check(&["demo-service"], 2, &["demo-service"]);
    check(&["--worker-threads", "many"], 2, &["many"]);
    check(
        &["invocations", "list", "--admin-url", "localhost:9070"],
        2,
        &["http://"],
    );
    check(&["-c", "/no/such/file.toml"], 2, &["/no/such/file.toml"]);
}

#[test]
fn a_server_that_is_not_there_is_named_with_the_way_to_start_one() {
    let free = std::net::TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap();
    let url = format!("http://{free}");
    check(
        &["invocations", "list", "--admin-url", &url],
        1,
        &[&url, "start one with `everspan`", "--admin-url"],
    );
    check(
        &["deployments", "list", "--admin-url", &url],
        1,
        &[&url, "refused"],
    );
}

#[test]
fn the_configuration_is_dumped_with_its_sources() {
    let said = run(&["--dump-config", "--worker-threads", "3"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    for part in [
        "[worker]",
        "threads = 3",
        "[ingress]",
        "bind-address = \"127.0.0.1:8080\"",
    ] {
        assert!(said.out.contains(part), "{part} in {}", said.out);
    }
}

fn server(base_dir: &str) -> [&str; 6] {
    [
        "--base-dir",
        base_dir,
        "--ingress-bind-address",
        "127.0.0.1:0",
        "--admin-bind-address",
        "127.0.0.1:0",
    ]
}

#[test]
fn a_directory_of_something_else_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("thesis.tex"), "x").unwrap();
    let path = dir.path().to_str().unwrap();
    check(&server(path), 1, &[path, "not a data directory of Everspan"]);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn two_servers_do_not_share_a_data_directory() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let first = ServerProcess::start(dir.path());
    let said = run(&server(path));
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(
        said.err.contains(path) && said.err.contains("another server uses"),
        "{}",
        said.err
    );
    drop(first);
}

/// What a server is told about tracing, and what it says before it leaves with code 2.
const TRACING_MISTAKES: &[(&[&str], &[&str])] = &[
    (
        &["--tracing-endpoint", "ftp://h"],
        &["tracing-endpoint = \"ftp://h\"", "unknown scheme ftp"],
    ),
    (
        &["--tracing-services-endpoint", "h:4317"],
        &["tracing-services-endpoint = \"h:4317\"", "expected a URL"],
    ),
    (
        &["--tracing-runtime-endpoint", "http://h:0"],
        &["tracing-runtime-endpoint = \"http://h:0\"", "the port must be"],
    ),
    (
        &["--tracing-headers", "a b=s3cret"],
        &["tracing-headers.a b = \"<redacted>\"", "no header name"],
    ),
    (
        &["--tracing-filter", "everspan=loud"],
        &["tracing-filter = \"everspan=loud\"", "loud"],
    ),
    (
        &["--tracing-sampler", "sometimes"],
        &["tracing-sampler = \"sometimes\"", "expected always_on"],
    ),
    (
        &["--tracing-keep", "failed,slow"],
        &["tracing-keep = \"failed,slow\"", "\"slow\" is unknown"],
    ),
    (
        &["--tracing-compression", "zstd"],
        &["tracing-compression = \"zstd\"", "expected none or gzip"],
    ),
    (
        &["--tracing-events-max", "0"],
        &["tracing-events-max = \"0\"", "must be between"],
    ),
    (
        &[
            "--tracing-endpoint",
            "https://h",
            "--tracing-certificate",
            "/no/ca.pem",
        ],
        &["tracing-certificate = \"/no/ca.pem\"", "cannot be read"],
    ),
    (
        &[
            "--tracing-endpoint",
            "https://h",
            "--tracing-certificate",
            "Cargo.toml",
        ],
        &["tracing-certificate = \"Cargo.toml\""],
    ),
    (
        &["--tracing-endpoint", "https://h", "--tracing-client-key", "/k"],
        &[
            "tracing-client-certificate is missing",
            "tracing-client-key = \"/k\"",
        ],
    ),
    (
        &[
            "--set",
            "traces.reporter.c.factory=otlp",
            "--set",
            "traces.reporter.c.endpoint=grpcs://h",
            "--set",
            "traces.reporter.c.client-certificate=/no/c.pem",
            "--set",
            "traces.reporter.c.client-key=/no/k.pem",
        ],
        &["traces.reporter.c.client-", "/no/", "cannot be read"],
    ),
    (
        &["--tracing-json-path", "/proc/traces"],
        &["tracing-json-path = \"/proc/traces\"", "cannot be written"],
    ),
    (
        &["--set", "traces.reporter.mine.factory=every-nth"],
        &["every-nth", "otlp, jaeger-file, log"],
    ),
    (
        &["--set", "traces.reporter.log.filter.includes=:x"],
        &[
            "traces.reporter.log.filter.includes = \":x\"",
            "the scope is missing",
        ],
    ),
    (
        &["--set", "traces.reporters=otlp"],
        &["traces.reporters = \"otlp\"", "no reporter is configured"],
    ),
    (
        &["--set", "tracing-endpont=http://h"],
        &["did you mean tracing-endpoint?"],
    ),
];

#[test]
fn a_mistake_about_tracing_is_named_with_key_and_value_and_exits_with_2() {
    for (arguments, parts) in TRACING_MISTAKES {
        let dir = tempfile::tempdir().unwrap();
        let arguments = [&server(dir.path().to_str().unwrap())[..], arguments].concat();
        check(&arguments, 2, parts);
    }
}
