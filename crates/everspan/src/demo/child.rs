//! The process of the services: start, kill, start again on the same port.

use std::fmt::Display;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::service::{PORT_FLAG, SERVICE_COMMAND};

const START_TIMEOUT: Duration = Duration::from_secs(10);

/// A running service process; it is killed when dropped, and leaves by itself when this process dies.
pub(super) struct ServiceProcess {
    child: Child,
    pub(super) pid: u32,
    pub(super) port: u16,
}

impl ServiceProcess {
    /// Starts it and waits until it listens; port 0 takes a free one.
    pub(super) async fn start(port: u16) -> Result<Self, String> {
        let failed = |error: &dyn Display| format!("the demo's services do not start: {error}");
        let program = std::env::current_exe().map_err(|error| failed(&error))?;
        let mut child = Command::new(program)
            .args([SERVICE_COMMAND, PORT_FLAG, &port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed(&error))?;
        let pid = child.id().unwrap_or_default();
        let said = child.stdout.take().expect("stdout was asked to be a pipe");
        let mut lines = BufReader::new(said).lines();
        let line = tokio::time::timeout(START_TIMEOUT, lines.next_line())
            .await
            .map_err(|_| failed(&format!("they did not listen within {START_TIMEOUT:?}")))?
            .map_err(|error| failed(&error))?;
        let port = line
            .and_then(|line| line.parse().ok())
            .ok_or_else(|| failed(&"their process ended at once, see above"))?;
        Ok(Self { child, pid, port })
    }

    /// `kill -9`, and waits until it is gone. Returns the port for the next one.
    pub(super) async fn kill(mut self) -> Result<u16, String> {
        self.child
            .kill()
            .await
            .map_err(|error| format!("process {} of the services cannot be killed: {error}", self.pid))?;
        Ok(self.port)
    }
}
