//! The receiver program as a process of its own.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

pub(crate) struct Receiver {
    child: Child,
    stdout: BufReader<ChildStdout>,
    out: PathBuf,
    pub(crate) address: SocketAddr,
}

impl Receiver {
    /// Listens on a free port, and writes to a file in `folder`.
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), folder, arguments)
    }

    pub(crate) fn start_at(address: SocketAddr, folder: &Path, arguments: &[&str]) -> Self {
        let out = folder.join("spans.jsonl");
        let mut child = Command::new(env!("CARGO_BIN_EXE_otlp-receiver"))
            .args(["--listen", &address.to_string(), "--out"])
            .arg(&out)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on ").unwrap();
        Self {
            address: address.parse().unwrap(),
            child,
            stdout,
            out,
        }
    }

    /// The lines so far.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.out).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Ends it with SIGTERM; its last words.
    pub(crate) fn stop(mut self) -> String {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).unwrap();
        let mut words = String::new();
        self.stdout.read_to_string(&mut words).unwrap();
        assert!(self.child.wait().unwrap().success());
        words.trim_end().to_owned()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // It may be gone already.
        self.child.kill().unwrap_or(());
        self.child.wait().unwrap();
    }
}
