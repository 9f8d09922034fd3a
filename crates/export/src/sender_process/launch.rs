//! Starting a sender process, and talking with it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::BufReader;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::SenderProcess;
use super::frames::{self, Greeting};
use super::order::Order;
use crate::{Batch, Delivery, OtlpOptions};

/// However slow the machine is.
const START_MAX: Duration = Duration::from_secs(20);

/// Most batches fit as a whole.
const PIPE_BYTES: usize = 1 << 20;

/// All it takes to start one.
pub(super) struct Launch {
    process: SenderProcess,
    dir: PathBuf,
    order: Order,
}

/// The pipes of a running one. It ends when they are dropped, as soon as its delivery is over.
pub(super) struct Link {
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    /// Batches up to this number were taken before it was started.
    pub(super) taken: u64,
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Another process may do better.
    Passing(String),
    /// None will.
    Lasting(String),
}

impl Launch {
    pub(super) fn new(process: SenderProcess, dir: &Path, options: &OtlpOptions) -> Self {
        Self {
            process,
            dir: dir.to_owned(),
            order: Order::of(options),
        }
    }

    /// Starts one and waits until it is ready. Signals to the group of this process are not for it.
    pub(super) async fn start(&self) -> Result<(Child, Link), Trouble> {
        let mut process = Command::new(&self.process.program)
            .arg0(&self.process.name)
            .args(&self.process.arguments)
            .arg(&self.dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| Trouble::Passing(format!("it cannot be started: {error}")))?;
        let to = process.stdin.take().expect("stdin was asked to be a pipe");
        // More room, fewer wake-ups; where it is not granted there are more.
        let _ = rustix::pipe::fcntl_setpipe_size(&to, PIPE_BYTES);
        let mut link = Link {
            to,
            from: BufReader::new(process.stdout.take().expect("stdout was asked to be a pipe")),
            taken: 0,
        };
        let greeting = tokio::time::timeout(START_MAX, link.greet(&self.order)).await;
        let told = match greeting {
            Ok(Ok(Some(Greeting::Ready { taken }))) => {
                link.taken = taken;
                return Ok((process, link));
            }
            Ok(Ok(Some(Greeting::Cannot { why }))) => Trouble::Lasting(why),
            Ok(Ok(None)) => Trouble::Passing("it ended before it was ready".to_owned()),
            Ok(Err(error)) => Trouble::Passing(format!("it cannot be talked with: {error}")),
            Err(_) => Trouble::Passing(format!("it was not ready after {} s", START_MAX.as_secs())),
        };
        // It may have ended already.
        drop(process.start_kill());
        Err(told)
    }
}

impl Link {
    async fn greet(&mut self, order: &Order) -> io::Result<Option<Greeting>> {
        frames::write_line(&mut self.to, order).await?;
        frames::read_line(&mut self.from).await
    }

    /// Has the process make one delivery.
    pub(super) async fn deliver(&mut self, batch: &Batch) -> Result<Delivery, Trouble> {
        let broken = |error: io::Error| Trouble::Passing(format!("the sender process broke off: {error}"));
        frames::write_batch(&mut self.to, batch).await.map_err(broken)?;
        let answer = frames::read_line(&mut self.from).await.map_err(broken)?;
        answer
            .ok_or_else(|| Trouble::Passing("the sender process ended in the midst of a delivery".to_owned()))
    }
}
