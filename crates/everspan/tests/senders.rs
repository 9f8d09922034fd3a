//! The processes by which a server sends its spans: they outlive it by the request under way, and no longer.

#![allow(clippy::unwrap_used, reason = "a test")]

mod world {
    pub(crate) mod child;
    pub(crate) mod http;
    pub(crate) mod server;
    pub(crate) mod service;
}

mod sending {
    pub(crate) mod collector;
    pub(crate) mod process;
}

use std::time::Duration;

use sending::collector::{Collector, Span};
use sending::process;
use serde_json::json;
use world::server::{PATIENCE, Server};
use world::service::{Service, argument};

/// Request, start, attempt, end.
const SPANS_OF_A_CALL: usize = 4;

/// A server, a service and a collector whose answers the test holds back when it likes.
struct Stage {
    data: tempfile::TempDir,
    service: Service,
    collector: Collector,
    more: Vec<(&'static str, &'static str)>,
}

impl Stage {
    async fn with(more: &[(&'static str, &'static str)]) -> Self {
        let services = json!([{ "name": "Echo", "ty": "SERVICE", "handlers": [{ "name": "say" }] }]);
        let service = Service::start(services, |mut talk| async move {
            let (_, entries) = talk.replay().await;
            talk.accept();
            talk.finish(&argument(&entries));
        });
        Self {
            data: tempfile::tempdir().unwrap(),
            service: service.await,
            collector: Collector::start().await,
            more: more.to_vec(),
        }
    }

    /// Blocks: until a delivery from before is over, among others.
    async fn server(&self) -> Server {
        let data = self.data.path().to_owned();
        let mut settings = vec![
            ("TRACING_ENDPOINT", self.collector.url.clone()),
            ("TRACING_FILTER", "off,everspan.invocation=info".to_owned()),
            ("TRACING_SENDER_WAIT", "60s".to_owned()),
            ("TRACING_TIMEOUT", "60s".to_owned()),
        ];
        settings.extend(self.more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let start = move || {
            let settings: Vec<(&str, &str)> = settings
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            Server::start(&data, &settings)
        };
        tokio::task::spawn_blocking(start).await.unwrap()
    }

    /// A server that has made a call, whose spans have arrived.
    async fn settled(&self) -> Server {
        let server = self.server().await;
        assert_eq!(server.register(&self.service.url).await.status, 201);
        call(&server).await;
        self.collector.until(SPANS_OF_A_CALL).await;
        server
    }

    fn processes(&self) -> Vec<u32> {
        process::senders_of(self.data.path())
    }

    async fn until_no_process_is_left(&self) {
        let left = async {
            while !self.processes().is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, left)
            .await
            .expect("no process is left");
    }

    /// Makes a call and waits until a request with some of its spans is under way.
    async fn call_into_the_gate(&self, server: &Server) {
        self.collector.hold();
        let before = self.collector.arrived().len();
        call(server).await;
        self.collector.until(before + 1).await;
    }

    /// Ends the server in order, after one more call; then all spans of so many calls are there. The repeated ones.
    async fn repeated_after(&self, server: Server, calls: usize) -> Vec<Span> {
        call(&server).await;
        let (once, _) = self.collector.until_different(calls * SPANS_OF_A_CALL).await;
        assert_eq!(once.len(), calls * SPANS_OF_A_CALL);
        let ended = tokio::task::spawn_blocking(move || server.terminate())
            .await
            .unwrap();
        assert_eq!(ended.code(), Some(0));
        self.until_no_process_is_left().await;
        self.collector.until_different(calls * SPANS_OF_A_CALL).await.1
    }
}

async fn call(server: &Server) {
    assert_eq!(server.post("/Echo/say", "\"hi\"").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_under_way_at_a_kill_is_finished_noted_and_not_sent_again() {
    let stage = Stage::with(&[]).await;
    let server = stage.settled().await;
    stage.call_into_the_gate(&server).await;
    server.kill();
    let (next, ()) = tokio::join!(stage.server(), async {
        // The next start has time to come to where it waits; without it the test shows less, and is as right.
        tokio::time::sleep(Duration::from_millis(300)).await;
        stage.collector.let_go();
    });
    assert_eq!(stage.repeated_after(next, 3).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_does_not_wait_for_it_sends_it_again_and_loses_nothing() {
    let stage = Stage::with(&[("TRACING_SENDER_WAIT", "0s")]).await;
    let server = stage.settled().await;
    stage.call_into_the_gate(&server).await;
    server.kill();
    let next = stage.server().await;
    stage.collector.let_go();
    let repeated = stage.repeated_after(next, 3).await;
    assert!(!repeated.is_empty(), "nobody knew what became of the request");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_is_replaced_and_only_its_request_comes_again() {
    let stage = Stage::with(&[]).await;
    let server = stage.settled().await;
    let before = stage.processes();
    stage.call_into_the_gate(&server).await;
    let under_way = stage.collector.arrived().split_off(SPANS_OF_A_CALL);
    let none = RESTARTS_1.replace(" 1", " 0");
    assert!(metrics(&server).await.lines().any(|line| line == none));
    process::signal("KILL", &before);
    stage.collector.let_go();
    until_told(&server, RESTARTS_1).await;
    let repeated = stage.repeated_after(server, 3).await;
    assert!(!repeated.is_empty(), "the request under way comes again");
    assert!(
        repeated.iter().all(|span| under_way.contains(span)),
        "{repeated:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_between_two_requests_costs_nothing() {
    let stage = Stage::with(&[]).await;
    let server = stage.settled().await;
    // Its answer has come once the spans are counted.
    until_exported(&server, SPANS_OF_A_CALL).await;
    process::signal("KILL", &stage.processes());
    assert_eq!(stage.repeated_after(server, 2).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signals_to_all_processes_of_a_service_do_not_end_it() {
    let stage = Stage::with(&[]).await;
    let server = stage.settled().await;
    let before = stage.processes();
    assert_eq!(before.len(), 1, "one for the reporter");
    for signal in ["TERM", "INT", "HUP"] {
        process::signal(signal, &before);
    }
    call(&server).await;
    stage.collector.until(2 * SPANS_OF_A_CALL).await;
    assert_eq!(stage.processes(), before);
    assert_eq!(stage.repeated_after(server, 3).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_server_it_ends_by_itself_although_the_collector_never_answers() {
    let stage = Stage::with(&[("TRACING_TIMEOUT", "1s")]).await;
    let server = stage.settled().await;
    assert_eq!(stage.processes().len(), 1);
    stage.call_into_the_gate(&server).await;
    server.kill();
    stage.until_no_process_is_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_can_be_switched_off() {
    let stage = Stage::with(&[("TRACING_SENDER_PROCESS", "false")]).await;
    let server = stage.settled().await;
    assert_eq!(stage.processes(), [] as [u32; 0]);
    assert_eq!(stage.repeated_after(server, 2).await, []);
}

/// What `/metrics` says when another process has taken the place of the first.
const RESTARTS_1: &str = "everspan_spans_sender_restarts_total{reporter=\"otlp\"} 1";

async fn until_exported(server: &Server, count: usize) {
    let line = format!("everspan_spans_exported_total{{reporter=\"otlp\"}} {count}");
    until_told(server, &line).await;
}

/// Until `/metrics` has this line.
async fn until_told(server: &Server, line: &str) {
    let told = async {
        while !metrics(server).await.lines().any(|found| found == line) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, told)
        .await
        .unwrap_or_else(|_| panic!("/metrics never says {line}"));
}

async fn metrics(server: &Server) -> String {
    world::http::request(&server.admin, "GET", "/metrics", &[], b"")
        .await
        .text()
}
