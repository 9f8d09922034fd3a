//! Running the binary.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// What a command said.
pub(crate) struct Said {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: Option<i32>,
}

/// The binary with these arguments and without the caller's configuration.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_everspan"));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["EVERSPAN_", "RESTATE_", "OTEL_"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
            || text == "RUST_LOG"
        {
            command.env_remove(name);
        }
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) fn run(arguments: &[&str]) -> Said {
    let output = command(arguments).output().unwrap();
    Said {
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code(),
    }
}

/// A server in a process of its own; killed when dropped.
pub(crate) struct ServerProcess {
    child: Child,
    pub(crate) admin: String,
    pub(crate) ingress: String,
}

impl ServerProcess {
    pub(crate) fn start(data: &Path) -> Self {
        let mut child = command(&[
            "--base-dir",
            data.to_str().unwrap(),
            "--ingress-bind-address",
            "127.0.0.1:0",
            "--admin-bind-address",
            "127.0.0.1:0",
        ])
        .env("EVERSPAN_LOG_FORMAT", "json")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let up = lines
            .by_ref()
            .map(|line| line.unwrap())
            .find(|line| line.contains("is up"))
            .expect("the server says that it is up");
        std::thread::spawn(move || lines.for_each(drop));
        let fields: serde_json::Value = serde_json::from_str(&up).unwrap();
        let address = |name: &str| format!("http://{}", fields["fields"][name].as_str().unwrap());
        Self {
            child,
            admin: address("admin"),
            ingress: address("ingress"),
        }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// The demo's services in a process of their own.
pub(crate) struct Services {
    child: Child,
    pub(crate) url: String,
}

impl Services {
    pub(crate) fn start() -> Self {
        let mut child = command(&["demo-service", "--port", "0"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self {
            child,
            url: format!("http://127.0.0.1:{}", line.trim()),
        }
    }

    /// Closes its stdin, as the end of the demo does, and waits for its end.
    pub(crate) fn leave(mut self) -> Option<i32> {
        drop(self.child.stdin.take());
        for _ in 0..500 {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the services stay although nobody holds their stdin");
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
