//! A server in a process of its own, as an operator runs it.

#![allow(dead_code, reason = "each test file uses a part of this world")]

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

pub(crate) use super::child::PATIENCE;
use super::child::{Process, output};
use super::http::{Answer, request};

/// Less than the default of `shutdown-timeout`.
const STOP_MAX: Duration = Duration::from_secs(45);

/// A running server; killed when dropped.
pub(crate) struct Server {
    process: Process,
    pub(crate) admin: String,
    pub(crate) ingress: String,
}

/// The binary with none of the caller's settings.
pub(crate) fn everspan() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_everspan"));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let ours = ["EVERSPAN_", "RESTATE_", "OTEL_"];
        if ours.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command
}

/// The binary on this data directory with these `EVERSPAN_…` settings.
pub(crate) fn command(data: &Path, settings: &[(&str, &str)]) -> Command {
    let mut command = everspan();
    command
        .env("EVERSPAN_BASE_DIR", data)
        .env("EVERSPAN_INGRESS__BIND_ADDRESS", "127.0.0.1:0")
        .env("EVERSPAN_ADMIN__BIND_ADDRESS", "127.0.0.1:0")
        .env("EVERSPAN_PARTITIONS", "2")
        .env("EVERSPAN_LOG__SEGMENT_SIZE", "1MiB")
        .env("EVERSPAN_LOG_FORMAT", "json")
        .envs(
            settings
                .iter()
                .map(|(name, value)| (format!("EVERSPAN_{name}"), value)),
        )
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    command
}

impl Server {
    /// Starts it; when this returns, requests are answered.
    pub(crate) fn start(data: &Path, settings: &[(&str, &str)]) -> Self {
        Self::try_start(data, settings).unwrap_or_else(|said| panic!("the server does not start:\n{said}"))
    }

    /// The same, or what it says instead.
    pub(crate) fn try_start(data: &Path, settings: &[(&str, &str)]) -> Result<Self, String> {
        let mut process = Process::start(&mut command(data, settings));
        let lines = process.stderr();
        let mut said = Vec::new();
        let up = loop {
            let Some(line) = lines.next() else {
                return Err(said.join("\n"));
            };
            if line.contains("is up") {
                break line;
            }
            said.push(line);
        };
        std::thread::spawn(move || {
            for line in lines.rest() {
                if line.contains("ERROR") {
                    eprintln!("{line}"); // shown when the test fails
                }
            }
        });
        let fields: serde_json::Value = serde_json::from_str(&up).unwrap();
        let address = |name: &str| fields["fields"][name].as_str().unwrap().to_owned();
        Ok(Self {
            process,
            admin: address("admin"),
            ingress: address("ingress"),
        })
    }

    /// Asks it to stop and waits for its end, which comes before the shutdown timeout of a minute.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        self.signal_term();
        self.process.ended(STOP_MAX)
    }

    /// Asks it to stop.
    pub(crate) fn signal_term(&self) {
        let kill = format!("kill -TERM {}", self.process.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Kills it without a word.
    pub(crate) fn kill(self) {
        drop(self);
    }

    /// The same, while others still hold it.
    pub(crate) fn kill_now(&self) {
        let kill = format!("kill -KILL {}", self.process.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Registers the services at `url`; the answer of the admin API.
    pub(crate) async fn register(&self, url: &str) -> Answer {
        let body = serde_json::json!({ "uri": url }).to_string();
        let header = ("content-type", "application/json");
        request(&self.admin, "POST", "/deployments", &[header], body.as_bytes()).await
    }

    /// A request to the ingress.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        request(&self.ingress, method, path, headers, body).await
    }

    /// `POST path` with a text.
    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.call("POST", path, &[], body.as_bytes()).await
    }

    /// One-way; the id of the invocation.
    pub(crate) async fn send(&self, path: &str, body: &str) -> String {
        let answer = self.post(&format!("{path}/send"), body).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        answer.json()["invocationId"].as_str().unwrap().to_owned()
    }

    /// The result of an invocation, awaited.
    pub(crate) async fn attach(&self, id: &str) -> Answer {
        self.call("GET", &format!("/restate/invocation/{id}/attach"), &[], b"")
            .await
    }

    /// What the admin API shows of an invocation.
    pub(crate) async fn invocation(&self, id: &str) -> serde_json::Value {
        let answer = request(&self.admin, "GET", &format!("/invocations/{id}"), &[], b"").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Looks at an invocation until `seen` says that it is as expected.
    pub(crate) async fn until(
        &self,
        id: &str,
        seen: impl Fn(&serde_json::Value) -> bool,
    ) -> serde_json::Value {
        let begun = Instant::now();
        loop {
            let invocation = self.invocation(id).await;
            if seen(&invocation) {
                return invocation;
            }
            assert!(begun.elapsed() < PATIENCE, "still {invocation:#}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Starts a server that is expected to refuse: its exit code and what it says.
pub(crate) fn refused(data: &Path) -> (Option<i32>, String) {
    refused_with(data, &[])
}

/// The same with settings.
pub(crate) fn refused_with(data: &Path, settings: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = output(&mut command(data, settings));
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// Starts a server and kills it after this time, wherever it is then.
pub(crate) fn started_and_killed(mut command: Command, after: Duration) {
    let process = Process::start(command.stderr(Stdio::null()));
    std::thread::sleep(after);
    drop(process);
}
