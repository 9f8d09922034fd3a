//! A server with a destination for checkpoints, a service, a collector.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::world::bank::{ACCOUNTS, Endpoint};
use crate::world::collector::Collector;
use crate::world::http::{Answer, request};
use crate::world::server::{self, PATIENCE, Server};

pub(crate) struct Stage {
    dir: TempDir,
    store: String,
    pub(crate) endpoint: Endpoint,
    pub(crate) collector: Collector,
    more: Vec<(String, String)>,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self {
            store: dir.path().join("store").to_str().unwrap().to_owned(),
            dir,
            endpoint: Endpoint::start().await,
            collector: Collector::start().await,
            more: Vec::new(),
        }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.more.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub(crate) fn store(&self) -> PathBuf {
        PathBuf::from(&self.store)
    }

    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A server on the data directory; checkpoints only on demand.
    pub(crate) fn server(&self) -> Server {
        self.server_on(&self.data())
    }

    pub(crate) fn server_on(&self, data: &Path) -> Server {
        Server::start(data, &self.settings())
    }

    /// A server that is expected to refuse: its exit code and what it says.
    pub(crate) fn refused(&self) -> (Option<i32>, String) {
        server::refused_with(&self.data(), &self.settings())
    }

    /// A server, if it starts.
    pub(crate) fn try_server(&self) -> Option<Server> {
        Server::try_start(&self.data(), &self.settings()).ok()
    }

    /// The server as a command.
    pub(crate) fn command(&self) -> Command {
        server::command(&self.data(), &self.settings())
    }

    fn settings(&self) -> Vec<(&str, &str)> {
        let mut settings = vec![
            ("CHECKPOINT__DESTINATION", self.store.as_str()),
            ("CHECKPOINT__INTERVAL", "0s"),
            ("TRACING_ENDPOINT", &self.collector.url),
            ("WORKER__INVOKER__INACTIVITY_TIMEOUT", "0s"),
            ("WORKER__THREADS", "2"),
            ("PARTITIONS", "4"),
            ("CLUSTER_NAME", "stories"),
        ];
        let more = self.more.iter();
        settings.extend(more.map(|(name, value)| (name.as_str(), value.as_str())));
        settings
    }

    pub(crate) async fn registered(&self) -> Server {
        let server = self.server();
        assert_eq!(server.register(&self.endpoint.url).await.status, 201);
        server
    }

    /// Every file below the store, with its length.
    pub(crate) fn stored(&self) -> Vec<(PathBuf, u64)> {
        let mut found = Vec::new();
        walk(&self.store(), &mut found);
        found.sort();
        found
    }
}

fn walk(dir: &Path, found: &mut Vec<(PathBuf, u64)>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            walk(&entry.path(), found);
        } else {
            found.push((entry.path(), entry.metadata().unwrap().len()));
        }
    }
}

pub(crate) async fn ask(server: &Server, body: &Value) -> Answer {
    let header = ("content-type", "application/json");
    let body = body.to_string();
    let begun = Instant::now();
    loop {
        let answer = request(&server.admin, "POST", "/checkpoints", &[header], body.as_bytes()).await;
        // Just after a start not all partitions may run: then the answer says when to come again.
        if answer.status != 503 || begun.elapsed() > PATIENCE {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A checkpoint that completes.
pub(crate) async fn checkpoint(server: &Server) -> Value {
    let answer = ask(server, &json!({ "kind": "checkpoint" })).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

pub(crate) async fn shown(server: &Server) -> Value {
    request(&server.admin, "GET", "/checkpoints", &[], b"")
        .await
        .json()
}

/// `POST path` with JSON.
pub(crate) async fn post(server: &Server, path: &str, body: &str) -> Answer {
    let json = ("content-type", "application/json");
    server.call("POST", path, &[json], body.as_bytes()).await
}

/// Adds to an account; the new balance.
pub(crate) async fn add(server: &Server, account: &str, n: i64) -> i64 {
    let answer = post(server, &format!("/Account/{account}/add"), &n.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text().parse().unwrap()
}

pub(crate) async fn balance(server: &Server, account: &str) -> i64 {
    let answer = server
        .call("POST", &format!("/Account/{account}/balance"), &[], b"")
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text().parse().unwrap()
}

/// What all accounts that transfers go around have together.
pub(crate) async fn total(server: &Server) -> i64 {
    let mut total = 0;
    for account in 0..ACCOUNTS {
        total += balance(server, &account.to_string()).await;
    }
    total
}
