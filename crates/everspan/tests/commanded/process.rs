//! Running the binary.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::world::child::{PATIENCE, Process, output};

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
    let output = output(&mut command(arguments));
    Said {
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code(),
    }
}

/// A server in a process of its own; killed when dropped.
pub(crate) struct ServerProcess {
    _process: Process,
    pub(crate) admin: String,
    pub(crate) ingress: String,
}

impl ServerProcess {
    pub(crate) fn start(data: &Path) -> Self {
        let mut command = command(&[
            "--base-dir",
            data.to_str().unwrap(),
            "--ingress-bind-address",
            "127.0.0.1:0",
            "--admin-bind-address",
            "127.0.0.1:0",
        ]);
        command.env("EVERSPAN_LOG_FORMAT", "json").stderr(Stdio::piped());
        let mut process = Process::start(&mut command);
        let words = process.stderr();
        let up = loop {
            let line = words.next().expect("the server says that it is up");
            if line.contains("is up") {
                break line;
            }
        };
        let fields: serde_json::Value = serde_json::from_str(&up).unwrap();
        let address = |name: &str| format!("http://{}", fields["fields"][name].as_str().unwrap());
        Self {
            _process: process,
            admin: address("admin"),
            ingress: address("ingress"),
        }
    }
}

/// The demo's services in a process of their own.
pub(crate) struct Services {
    process: Process,
    pub(crate) url: String,
}

impl Services {
    pub(crate) fn start() -> Self {
        let mut command = command(&["demo-service", "--port", "0"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Process::start(&mut command);
        let port = process.stdout().next().expect("they say where they are");
        Self {
            process,
            url: format!("http://127.0.0.1:{port}"),
        }
    }

    /// Closes its stdin, as the end of the demo does, and waits for its end.
    pub(crate) fn leave(mut self) -> Option<i32> {
        self.process.close_stdin();
        self.process.ended(PATIENCE).code()
    }
}
