//! The process: it starts, somebody asks it for savepoints, it dies, it ends.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;

use everspan_checkpoint::{AbortReason, Kind, Now};
use everspan_state::store::{CheckpointStore, Retry, StoreOptions};
use everspan_stream::{GivenStores, JobError, JobExecutionResult, Start, SteppedJob};
use everspan_wal::sim_disk::SimRng;
use object_store::path::Path;

use super::outside::Outside;
use super::programs;
use super::spans::Spans;

const NAME: &str = "simulated";

/// The process from a start to its end.
pub(super) struct Life {
    pub(super) job: SteppedJob,
    pub(super) spans: Arc<Spans>,
    /// At a time.
    pub(super) checkpoints_max: usize,
    asked: Vec<Asked>,
    _dir: LocalDir,
}

/// Somebody waits for an answer.
struct Asked {
    kind: Kind,
    answer: Receiver<Result<u64, AbortReason>>,
}

/// How a process ended by itself.
#[derive(Debug)]
pub(super) enum Ended {
    /// Its input was at its end.
    Whole,
    /// Stopped with this savepoint.
    Stopped(u64),
    /// It failed, and did not restart.
    Failed(JobError),
}

/// A directory for files on their way to the store; lost with the process.
struct LocalDir(PathBuf);

/// Directories of this process get different names.
static DIRS: AtomicU64 = AtomicU64::new(0);

impl LocalDir {
    fn new() -> Self {
        let memory = PathBuf::from("/dev/shm");
        let base = if memory.is_dir() {
            memory
        } else {
            std::env::temp_dir()
        };
        let number = DIRS.fetch_add(1, Ordering::Relaxed);
        Self(base.join(format!("everspan-sim-{}-{number}", std::process::id())))
    }
}

impl Drop for LocalDir {
    fn drop(&mut self) {
        // There may be nothing in it.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

impl Life {
    pub(super) fn begin(
        outside: &Arc<Outside>,
        rng: &mut SimRng,
        parallelism: usize,
        start: Start,
        now: Now,
    ) -> Self {
        let dir = LocalDir::new();
        let spans = Arc::new(Spans::default());
        let mut options = outside.settings.options(rng);
        options.start = start;
        options.local_dir = Some(dir.0.clone());
        options.spans = Some(spans.clone());
        let checkpoints_max = options.checkpoints.max_concurrent;
        let env = programs::build(outside, parallelism);
        let savepoints = outside
            .settings
            .has_savepoint_store
            .then(|| store(outside, "savepoints"));
        let stores = GivenStores {
            checkpoints: store(outside, "job"),
            savepoints,
        };
        let job = SteppedJob::start(&env, NAME, options, Some(stores), now);
        Self {
            job: job.expect("the job can be run"),
            spans,
            checkpoints_max,
            asked: Vec::new(),
            _dir: dir,
        }
    }

    /// Somebody asks for a checkpoint.
    pub(super) fn ask(&mut self, kind: Kind) {
        let answer = self.job.ask(kind);
        self.asked.push(Asked { kind, answer });
    }

    /// The job has come to an end: everyone who asked has an answer, or knows that it has ended.
    pub(super) fn ended(&self, result: Result<JobExecutionResult, JobError>) -> Ended {
        let told = self.spans.told();
        told.check(true);
        let runs = told.failures + u64::from(result.is_ok());
        assert_eq!(told.starts, runs, "every start is told once: {told:?}");
        let result = match result {
            Ok(result) => result,
            Err(error) => return Ended::Failed(error),
        };
        assert!(!result.cancelled, "nobody cancelled it");
        let stops = self
            .asked
            .iter()
            .filter(|asked| asked.kind == Kind::TerminateSavepoint);
        // After an earlier one the run failed, and the next went on, perhaps to the end of the input.
        let savepoints = stops.filter_map(|asked| asked.answer.try_recv().ok()?.ok());
        let last = savepoints.max().filter(|savepoint| told.is_newest(*savepoint));
        last.map_or(Ended::Whole, Ended::Stopped)
    }
}

fn store(outside: &Outside, place: &str) -> Arc<CheckpointStore> {
    let options = StoreOptions {
        inline_below: outside.settings.inline_below,
        // Asking again needs a clock of the machine; a new checkpoint does it as well.
        retry: Retry {
            tries_max: 1,
            ..Retry::default()
        },
        silence_max: None,
        settings: Vec::new(),
    };
    let objects = outside.objects.clone();
    let store = CheckpointStore::over(objects, Path::from(place), NAME.to_owned(), options);
    Arc::new(store)
}
