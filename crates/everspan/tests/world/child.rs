//! A process that a test starts. It is killed when dropped, and every wait for it or for its words has a limit.

#![allow(dead_code, reason = "each test file uses a part of this world")]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// However slow the machine is.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The same, of a command that works for some seconds.
const RUN_MAX: Duration = Duration::from_secs(120);

/// A running process, or one that has ended.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// What it says on standard output, which the command made a pipe.
    pub(crate) fn stdout(&mut self) -> Words {
        Words::of(self.0.stdout.take().unwrap())
    }

    /// What it says on standard error, which the command made a pipe.
    pub(crate) fn stderr(&mut self) -> Words {
        Words::of(self.0.stderr.take().unwrap())
    }

    /// Nobody holds its standard input any more.
    pub(crate) fn close_stdin(&mut self) {
        drop(self.0.stdin.take());
    }

    /// Waits for its end, so long.
    pub(crate) fn ended(&mut self, max: Duration) -> ExitStatus {
        let asked = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(asked.elapsed() < max, "the process still runs after {max:?}");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// What a process says, line by line. It is read to its end, whoever still listens: the process never waits for a reader.
pub(crate) struct Words(Receiver<String>);

impl Words {
    fn of(output: impl Read + Send + 'static) -> Self {
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                drop(sender.send(line));
            }
        });
        Self(lines)
    }

    /// The next line; none when the output has ended.
    pub(crate) fn next(&self) -> Option<String> {
        match self.0.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("the process said nothing for {PATIENCE:?}"),
        }
    }

    /// All others, whenever they come.
    pub(crate) fn rest(self) -> impl Iterator<Item = String> {
        self.0.into_iter()
    }
}

/// Runs a command to its end.
pub(crate) fn output(command: &mut Command) -> Output {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let id = child.id();
    let (sender, ended) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    let Ok(output) = ended.recv_timeout(RUN_MAX) else {
        drop(Command::new("kill").args(["-KILL", &id.to_string()]).status());
        panic!("{command:?} still runs after {RUN_MAX:?}");
    };
    output.unwrap()
}
