//! How a job is run. The names are those of Flink's keys.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use everspan_checkpoint::Options;
use everspan_state::store::StoreOptions;
use everspan_trace::SpanReceiver;

use super::restart::RestartStrategy;
use super::state_options::StateOptions;

/// Everything that may be said of a job beside its program.
#[derive(Clone, Default)]
pub struct JobOptions {
    /// When checkpoints begin and end: `execution.checkpointing.interval` and its neighbours. Without an interval they
    /// are made only on demand and at the end.
    pub checkpoints: Options,
    /// `execution.checkpointing.mode`.
    pub mode: CheckpointingMode,
    /// `execution.checkpointing.aligned-checkpoint-timeout`: unaligned checkpoints begin aligned, and overtake what is
    /// not aligned after this time; `None`: they overtake at once.
    pub aligned_timeout: Option<Duration>,
    /// `execution.checkpointing.dir`: a directory, or a URL such as `s3://bucket/prefix`. Without it there are no
    /// checkpoints.
    pub checkpoint_dir: Option<String>,
    /// `execution.checkpointing.savepoint-dir`: another place, for savepoints, which then share no file with checkpoints.
    pub savepoint_dir: Option<String>,
    /// How these places are used.
    pub store: StoreOptions,
    /// Where a run begins.
    pub start: Start,
    /// `execution.state-recovery.ignore-unclaimed-state`: whether state of operators that are gone is dropped instead of
    /// refused.
    pub drops_unclaimed: bool,
    /// `restart-strategy.*`; `None`: exponential delay with checkpoints, no restart without.
    pub restart: Option<RestartStrategy>,
    /// Where keyed state is.
    pub state: StateOptions,
    /// A directory on this host for files on their way to the checkpoint store; one of the system's unless set.
    pub local_dir: Option<PathBuf>,
    /// Where the job's spans go.
    pub spans: Option<Arc<dyn SpanReceiver>>,
}

/// `execution.checkpointing.mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CheckpointingMode {
    /// After a failure the state is as if every record had come once.
    #[default]
    ExactlyOnce,
    /// After a failure records may come twice; no input ever waits for another.
    AtLeastOnce,
}

/// Where a job begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// At the newest checkpoint of `execution.checkpointing.dir` that is whole, if there is any.
    #[default]
    Newest,
    /// Afresh, whatever checkpoints there are.
    Fresh,
    /// At one checkpoint or savepoint of that directory, by its number; with another parallelism if the program says so.
    From(u64),
}

impl JobOptions {
    /// Checkpoints into `dir` so often.
    #[must_use]
    pub fn checkpointing(dir: impl Into<String>, interval: Duration) -> Self {
        Self {
            checkpoint_dir: Some(dir.into()),
            checkpoints: Options {
                interval: Some(interval),
                ..Options::default()
            },
            ..Self::default()
        }
    }
}
