//! Start-up: recovery, then the threads.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use everspan_durable::machine::Keep;
use everspan_durable::partition::PartitionError;
use everspan_export::{Mark, Reporters};
use everspan_state::StateError;
use everspan_wal::{Committer, FileDisk, Log, LogEvent, LogStatus};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::input::Input;
use super::limits::Limits;
use super::persisted::Persisted;
use super::recover::{Recovered, recover};
use super::router::{Mailbox, Router};
use super::run::{Fatal, Outgoing, Worker};
use super::shard::Shard;
use super::spans::WorkerSpans;
use crate::checkpoints::{Start, suspect_file};
use crate::invoker::Invoker;
use crate::panicked;

/// Opens the reporters, told up to which record each partition's log goes: of those a reporter that is new wants no
/// spans.
pub type OpenReporters = Box<dyn FnOnce(&[Mark]) -> Result<Arc<Reporters>, String> + Send>;

/// Begins a run of the server, once the data directory is known to be ours.
pub type BeginStart = Box<dyn FnOnce() -> Result<Start, String> + Send>;

/// What workers are started with.
pub struct WorkersOptions {
    /// Directory of the log.
    pub log_dir: PathBuf,
    /// Directory of the partitions' states.
    pub state_dir: PathBuf,
    /// Id of the data directory.
    pub cluster: String,
    /// Whether every partition was created before: then a missing one is an error.
    pub created: bool,
    /// Partitions.
    pub partitions: u16,
    /// Threads.
    pub threads: usize,
    /// Size of a log segment, bytes.
    pub segment_bytes: u64,
    /// Memory for blocks of state, bytes.
    pub cache_bytes: u64,
    /// State sent ahead with an attempt, bytes.
    pub eager_state_max: usize,
    /// Pause between looks for ended retentions.
    pub cleanup_interval: Duration,
    /// The most events of a span.
    pub events_max: usize,
    /// Which invocations are told although they are not sampled.
    pub keep: Option<Keep>,
    /// Whether checkpoints are made: then the log behind those that are kept stays.
    pub checkpoints: bool,
    /// The records up to which the partitions were restored, if this directory was: the log begins behind them.
    pub restored_at: Vec<u64>,
    /// The limits.
    pub limits: Limits,
}

impl WorkersOptions {
    /// The directory of a partition's state.
    pub(super) fn partition_dir(&self, number: u16) -> PathBuf {
        self.state_dir.join(partition_name(number))
    }

    /// Attempts at a time in each partition.
    pub(super) fn attempts_max(&self) -> u32 {
        let per_partition = self.limits.attempts_max.div_ceil(usize::from(self.partitions));
        u32::try_from(per_partition.max(1)).unwrap_or(u32::MAX)
    }
}

/// Why the workers do not start.
#[derive(Debug)]
pub struct StartError(pub(super) String);

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}

pub(super) fn failed(error: impl fmt::Display) -> StartError {
    StartError(error.to_string())
}

/// The running workers.
pub struct Workers {
    /// The way to them.
    pub router: Arc<Router>,
    /// Where their spans go.
    pub reporters: Arc<Reporters>,
    /// Which records of the log are needed.
    pub persisted: Arc<Persisted>,
    threads: Vec<JoinHandle<()>>,
    committer: Arc<Committer>,
}

/// Opens log and state, replays, and starts the threads. The invoker is made with the router it reports to.
pub fn start(
    options: &WorkersOptions,
    runtime: &Handle,
    reporters: OpenReporters,
    invoker: Arc<Invoker>,
    begin: BeginStart,
) -> Result<(Workers, Start), StartError> {
    let begun = Instant::now();
    let Recovered {
        partitions,
        log,
        reporters,
        start,
    } = recover(options, reporters, begin)?;
    let threads = options.threads.clamp(1, usize::from(options.partitions));
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..threads).map(|_| channel()).unzip();
    let committer = Arc::new(start_committer(log, senders.clone())?);
    let router = Arc::new(router(options, senders));
    let note = start.trim_note().map_err(StartError)?;
    let persisted = Arc::new(Persisted::new(options.checkpoints, note));
    let mut shards: Vec<Vec<Shard>> = (0..threads).map(|_| Vec::new()).collect();
    for (number, partition) in (0..options.partitions).zip(partitions) {
        shards[usize::from(number) % threads].push(Shard::new(number, partition));
    }
    tracing::info!(
        partitions = options.partitions,
        threads,
        took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        "log and state are open"
    );
    let mut handles = Vec::new();
    for (number, (shards, mailbox)) in shards.into_iter().zip(receivers).enumerate() {
        let mut worker = Worker {
            shards,
            requests: Arc::clone(&router.mailboxes[number].requests),
            router: Arc::clone(&router),
            committer: Arc::clone(&committer),
            persisted: Arc::clone(&persisted),
            invoker: Arc::clone(&invoker),
            runtime: runtime.clone(),
            spans: WorkerSpans::new(reporters.writer()),
            attempts_max: options.attempts_max(),
            deferred: VecDeque::new(),
            scratch: Vec::new(),
            outgoing: Outgoing::default(),
            next_expiry_ms: 0,
            cleanup_interval_ms: u64::try_from(options.cleanup_interval.as_millis()).unwrap_or(u64::MAX),
            swept: Instant::now(),
            stop: false,
            hold: None,
        };
        let thread = std::thread::Builder::new().name(format!("everspan-worker-{number}"));
        let state_dir = options.state_dir.clone();
        let handle = thread.spawn(move || {
            let mut work = || worker.run(&mailbox).map_err(|fatal| told(&fatal, &state_dir));
            if let Err(error) = to_the_end(&mut work) {
                tracing::error!(%error, "a worker cannot go on; the server stops so that nothing is lost");
                std::process::exit(1)
            }
        });
        handles.push(handle.map_err(failed)?);
    }
    let workers = Workers {
        router,
        reporters,
        persisted,
        threads: handles,
        committer,
    };
    Ok((workers, start))
}

/// The way to the workers behind these mailboxes.
fn router(options: &WorkersOptions, senders: Vec<Sender<Input>>) -> Router {
    Router {
        mailboxes: senders
            .into_iter()
            .map(|sender| Mailbox {
                sender,
                requests: Arc::new(AtomicUsize::new(0)),
            })
            .collect(),
        partitions: options.partitions,
        limits: options.limits.clone(),
        disk_full: AtomicBool::new(false),
        stopping: AtomicBool::new(false),
        progress_room: Arc::new(Semaphore::new(options.limits.progress_bytes_max)),
        request_room: Arc::new(Semaphore::new(options.limits.request_bytes_max)),
    }
}

/// The error of a worker.
fn told(fatal: &Fatal, state_dir: &Path) -> String {
    if let Fatal::Partition(number, error) = fatal {
        mark_if_damaged(&state_dir.join(partition_name(*number)), error);
    }
    fatal.to_string()
}

/// A state that could not be read is looked at closely by the next start.
pub(super) fn mark_if_damaged(dir: &Path, error: &PartitionError) {
    if let PartitionError::State(StateError::Read { .. }) = error
        && let Err(error) = std::fs::write(suspect_file(dir), b"")
    {
        tracing::warn!(dir = %dir.display(), %error, "the damaged state could not be marked");
    }
}

/// The name of the directory of a partition's state.
pub(crate) fn partition_name(number: u16) -> String {
    format!("partition-{number:04}")
}

/// A panic of a worker is an error like others: without the worker its partitions would be dead, in a server that seems
/// to live.
fn to_the_end(work: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(panicked::text(panic.as_ref())))
}

fn start_committer(log: Log<FileDisk>, senders: Vec<Sender<Input>>) -> Result<Committer, StartError> {
    Committer::start(log, move |event| match event {
        LogEvent::Committed(positions) => {
            for &(partition, seq) in positions {
                let sender = &senders[usize::from(partition) % senders.len()];
                // A worker that has stopped needs to hear nothing.
                drop(sender.send(Input::Synced { partition, seq }));
            }
        }
        LogEvent::Full {
            pending_bytes,
            message,
        } => {
            tracing::error!(
                pending_bytes,
                message,
                "the disk is full: requests are refused until there is space"
            );
        }
        LogEvent::SpaceReturned => tracing::info!("there is space on the disk again"),
        LogEvent::TrimFailed(error) => tracing::warn!(error, "old log segments could not be removed"),
        LogEvent::Failed(reason) => {
            tracing::error!(reason, "the log failed; the server stops so that nothing is lost");
            std::process::exit(1);
        }
    })
    .map_err(failed)
}

impl Workers {
    /// How the log is, whenever asked.
    pub fn log_status(&self) -> impl Fn() -> LogStatus + Send + 'static {
        let committer = Arc::downgrade(&self.committer);
        move || {
            committer
                .upgrade()
                .map_or(LogStatus::Healthy, |committer| committer.status())
        }
    }

    /// What the log has done.
    pub fn log_counters(&self) -> LogCounters {
        LogCounters(Arc::downgrade(&self.committer))
    }

    /// Refuses new requests from now on.
    pub fn refuse_requests(&self) {
        self.router.stopping.store(true, Ordering::Relaxed);
    }

    /// Stops the workers: what was accepted is synced, the state flushed.
    pub fn stop(self) {
        self.refuse_requests();
        for mailbox in &self.router.mailboxes {
            drop(mailbox.sender.send(Input::Stop));
        }
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a worker panicked while stopping");
            }
        }
    }
}

/// The counters of the log; 0 once it is closed.
pub struct LogCounters(Weak<Committer>);

impl LogCounters {
    fn read(&self, value: impl Fn(&everspan_wal::Counters) -> u64) -> u64 {
        self.0
            .upgrade()
            .map_or(0, |committer| value(committer.counters()))
    }

    /// Syncs.
    pub fn syncs(&self) -> u64 {
        self.read(everspan_wal::Counters::syncs)
    }

    /// Records written.
    pub fn records(&self) -> u64 {
        self.read(everspan_wal::Counters::records)
    }

    /// Bytes written.
    pub fn bytes(&self) -> u64 {
        self.read(everspan_wal::Counters::bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::to_the_end;

    #[test]
    fn a_worker_that_panics_ends_the_server_with_its_message() {
        let number = 7;
        let error = to_the_end(|| panic!("lock {number} is not held")).unwrap_err();
        assert_eq!(error, "it panicked: lock 7 is not held");
        assert_eq!(to_the_end(|| Ok(())), Ok(()));
    }
}
