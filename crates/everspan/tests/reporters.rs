//! Reporters in a server that is part of a program of one's own: those that are built in, and one's own beside them.

#![allow(clippy::unwrap_used, reason = "a test")]

mod world {
    pub(crate) mod http;
    pub(crate) mod service;
}

use std::path::Path;
use std::sync::{Arc, Mutex};

use everspan::config::{Config, ConfigFlags};
use everspan::server::{Server, ServerError};
use everspan_trace::{Factories, ReporterConfig, ReporterError, Span, TraceReporter, Value};
use serde_json::json;
use world::http::request;
use world::service::{Service, argument};

/// What the reporter of this test has heard.
#[derive(Default)]
struct Heard {
    names: Vec<String>,
    regions: Vec<Value>,
    service_name: Option<Value>,
    closed: bool,
}

/// Writes down what it hears; takes the key `mood`, and nothing but `good`.
struct Listener(Arc<Mutex<Heard>>);

impl TraceReporter for Listener {
    fn open(&mut self, config: &ReporterConfig) -> Result<(), ReporterError> {
        config.only(&["mood"])?;
        match config.required("mood")? {
            "good" => {}
            other => return Err(config.bad_value("mood", other, "good")),
        }
        let named = config
            .resource()
            .iter()
            .find(|attribute| attribute.key == "service.name");
        self.0.lock().unwrap().service_name = named.map(|attribute| attribute.value.clone());
        Ok(())
    }

    fn notify_of_added_span(&mut self, span: &Span) {
        let mut heard = self.0.lock().unwrap();
        heard.names.push(span.name.to_string());
        let region = span.attributes.iter().find(|attribute| attribute.key == "region");
        heard
            .regions
            .extend(region.map(|attribute| attribute.value.clone()));
    }

    fn close(&mut self) {
        self.0.lock().unwrap().closed = true;
    }
}

fn factories(heard: &Arc<Mutex<Heard>>) -> Factories {
    let mut factories = Factories::default();
    let heard = Arc::clone(heard);
    factories
        .register("listener", move || Box::new(Listener(Arc::clone(&heard))))
        .unwrap();
    factories
}

/// A small server with these keys besides.
fn config(data: &Path, keys: &[(&str, &str)]) -> Config {
    let flags = ConfigFlags::default()
        .with("base-dir", data.to_str().unwrap())
        .with("partitions", "2")
        .with("log.segment-size", "1MiB")
        .with("ingress.bind-address", "127.0.0.1:0")
        .with("admin.bind-address", "127.0.0.1:0");
    let with = |flags: ConfigFlags, (key, value): &(&str, &str)| flags.with(key, *value);
    Config::load(&keys.iter().fold(flags, with), []).unwrap()
}

async fn echo() -> Service {
    let services = json!([{ "name": "Echo", "ty": "SERVICE", "handlers": [{ "name": "say" }] }]);
    let service = Service::start(services, |mut talk| async move {
        let (_, entries) = talk.replay().await;
        talk.accept();
        talk.finish(&argument(&entries));
    });
    service.await
}

/// Registers the service and calls it once.
async fn call_once(server: &Server, service: &Service) {
    let (admin, ingress) = (
        server.admin_address.to_string(),
        server.ingress_address.to_string(),
    );
    let deployment = json!({ "uri": service.url }).to_string();
    let json = ("content-type", "application/json");
    let registered = request(&admin, "POST", "/deployments", &[json], deployment.as_bytes()).await;
    assert_eq!(registered.status, 201, "{}", registered.text());
    let answer = request(&ingress, "POST", "/Echo/say", &[json], b"\"hi\"").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// Asks for `/metrics` until this line is there.
async fn until_metric(server: &Server, line: &str) {
    let admin = server.admin_address.to_string();
    for _ in 0..500 {
        let text = request(&admin, "GET", "/metrics", &[], b"").await.text();
        if text.lines().any(|found| found == line) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let text = request(&admin, "GET", "/metrics", &[], b"").await.text();
    panic!("{line} is not in\n{text}");
}

const KEYS: &[(&str, &str)] = &[
    ("traces.reporter.mine.factory", "listener"),
    ("traces.reporter.mine.mood", "good"),
    (
        "traces.reporter.mine.filter.includes",
        "everspan.invocation:ingress,invocation-end",
    ),
    ("traces.reporter.mine.scope.variables.additional.region", "eu"),
    ("traces.reporter.log.factory", "log"),
    // One span tells of the start.
    ("traces.checkpoint.span-detail-level", "SPAN_PER_CHECKPOINT"),
];

#[tokio::test(flavor = "multi_thread")]
async fn reporters_of_ones_own_run_beside_those_that_are_built_in() {
    let (data, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let heard = Arc::default();
    let path = ("tracing-json-path", files.path().to_str().unwrap());
    let config = config(data.path(), &[KEYS, &[path]].concat());
    let server = Server::start_with(&config, &factories(&heard), None)
        .await
        .unwrap();
    call_once(&server, &echo().await).await;
    for line in [
        "everspan_spans_exported_total{reporter=\"mine\"} 2",
        "everspan_spans_exported_total{reporter=\"log\"} 5",
        "everspan_spans_exported_total{reporter=\"jaeger-file\"} 5",
        "everspan_spans_dropped_total{reporter=\"mine\",reason=\"rejected\"} 0",
    ] {
        until_metric(&server, line).await;
    }
    server.stop().await;

    let heard = heard.lock().unwrap();
    assert_eq!(heard.names, ["ingress Echo/say", "invocation-end Echo/say"]);
    assert_eq!(heard.regions, vec![Value::from("eu"); 2]);
    assert_eq!(heard.service_name, Some(Value::from("Everspan")));
    assert!(heard.closed);
    assert_ne!(std::fs::read_dir(files.path()).unwrap().count(), 0);
    assert!(
        data.path().join("spool/mine").is_dir(),
        "its position is kept with the data"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reporter_that_does_not_open_keeps_the_server_from_starting() {
    for (mood, message) in [
        ("bad", "`traces.reporter.mine.mood` is `bad`, expected good"),
        ("", "`traces.reporter.mine.mood` must be set"),
    ] {
        let data = tempfile::tempdir().unwrap();
        let heard = Arc::default();
        let mut keys = vec![("traces.reporter.mine.factory", "listener")];
        if !mood.is_empty() {
            keys.push(("traces.reporter.mine.mood", mood));
        }
        let config = config(data.path(), &keys);
        match Server::start_with(&config, &factories(&heard), None).await {
            Err(ServerError::Usage(why)) => assert!(why.contains(message), "{why}"),
            Err(other) => panic!("{other:?}"),
            Ok(_) => panic!("it started"),
        }
    }
}
