//! A job from its start to its end: runs, and what comes between them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use everspan_checkpoint::{
    AbortReason, Coordinator, Initialization, Input, Job, Kind, Now, Output, Restored as RestoredFrom,
    Resumed, Run, Task, Ticket, job_failure,
};
use everspan_state::{Durability, LocalCopies};
use everspan_trace::{MetricGroup, SpanContext, derive_trace_id};
use tokio::sync::mpsc;

use super::clock::Clock;
use super::crew::Crew;
use super::error::JobError;
use super::host::host_name;
use super::inbox::{Addressed, Inbox, Sender};
use super::monitor::{JobState, Monitor, Watched};
use super::options::{JobOptions, Start};
use super::own_dir::OwnDir;
use super::restart::{RestartStrategy, Restarts};
use super::restore::{Beginning, Known, Places, restore};
use super::run::{Asker, End, Message, Place, Running, Start as RunStart, no_store};
use super::state_options::StateBackend;
use super::stores::Stores;
use super::working_state::{WorkingState, refused};
use super::{JobExecutionResult, NoSpans};
use crate::graph::{Graph, Wiring};
use crate::runtime_context::{Lineage, RuntimeContext};

/// A job that is set up and has not begun.
pub(crate) struct ReadyJob {
    graph: Graph,
    place: Place,
    group: MetricGroup,
    restarts: Restarts,
    /// The highest number that a checkpoint of any run has had, or a trigger that was refused.
    last_id: u64,
    /// Whether a run has completed a checkpoint or a savepoint.
    has_completed: bool,
    /// The newest checkpoint of all runs; it is kept.
    newest_checkpoint: Option<u64>,
    /// Whether a run has gone on from one.
    has_restored: bool,
    name: String,
}

/// Directories of this process get different names.
static JOBS: AtomicU64 = AtomicU64::new(0);

/// What a job works with.
pub(crate) struct Means {
    pub(crate) clock: Arc<Clock>,
    pub(crate) crew: Crew,
    pub(crate) stores: Option<Stores>,
    /// Where its subtasks, and those who write for it, send what they say.
    pub(crate) sender: Sender,
    /// Where it gets that.
    pub(crate) receiver: mpsc::UnboundedReceiver<Addressed>,
}

impl Means {
    /// Threads, the machine's clock, and the store that the options name.
    fn of_machine(options: &JobOptions) -> Result<Self, JobError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .thread_name("everspan-checkpoints")
            .build()
            .map_err(JobError::Thread)?;
        let stores = Stores::open(options)?;
        let (sender, receiver) = mpsc::unbounded_channel();
        Ok(Self {
            clock: Clock::start(),
            crew: Crew::Threads(runtime),
            stores,
            sender,
            receiver,
        })
    }
}

impl ReadyJob {
    pub(crate) fn new(name: &str, graph: Graph, options: JobOptions) -> Result<Self, JobError> {
        let means = Means::of_machine(&options)?;
        Self::with(means, name, graph, options)
    }

    pub(crate) fn with(
        means: Means,
        name: &str,
        mut graph: Graph,
        options: JobOptions,
    ) -> Result<Self, JobError> {
        graph.finish()?;
        check_together(&options, means.stores.is_some())?;
        let number = JOBS.fetch_add(1, Ordering::Relaxed);
        let base = options.local_dir.clone().unwrap_or_else(std::env::temp_dir);
        let is_needed = means.stores.is_some() || options.state.backend == StateBackend::Lsm;
        let own_dir = is_needed.then(|| OwnDir::make(&base, number));
        let own_dir = own_dir.transpose();
        let own_dir = own_dir.map_err(|error| refused("process.working-dir", &base, &error))?;
        let dir = own_dir
            .as_ref()
            .map_or_else(PathBuf::new, |own| own.path().to_owned());
        let state = WorkingState::new(options.state.clone(), number, &dir, &means.crew)?;
        let is_copied = means.stores.is_some() && options.state.keeps_copies();
        let copies = is_copied.then(|| {
            // They go with the job, whose runs read them again.
            let opened = LocalCopies::open_as(&dir.join("copies"), Durability::Scratch);
            opened.map_err(|error| JobError::Option(format!("process.working-dir: {error}")))
        });
        let copies = copies.transpose()?;
        let strategy = options.restart.clone().unwrap_or_else(|| match means.stores {
            Some(_) => RestartStrategy::exponential(),
            None => RestartStrategy::None,
        });
        let spans = options.spans.clone().unwrap_or_else(|| Arc::new(NoSpans));
        let job = describe(name, &graph);
        let group = MetricGroup::root(spans, Arc::new(everspan_export::SystemEnvironment))
            .add_group("host", host_name())
            .add_group("job_id", job.id.clone())
            .add_group("job_name", name.to_owned());
        Ok(Self {
            graph,
            group,
            restarts: Restarts::new(strategy),
            last_id: 0,
            has_completed: false,
            newest_checkpoint: None,
            has_restored: false,
            name: name.to_owned(),
            place: Place {
                job,
                options,
                inbox: Inbox::new(means.receiver, means.clock.clone()),
                began: means.clock.now(),
                is_clean: AtomicBool::new(false),
                clock: means.clock,
                monitor: Monitor::default(),
                stores: means.stores,
                copies,
                local_dir: dir,
                state,
                crew: means.crew,
                sender: means.sender,
                _own_dir: own_dir,
            },
        })
    }

    /// Where messages to the job go.
    pub(crate) fn sender(&self) -> Sender {
        self.place.sender.clone()
    }

    /// What can be seen of it.
    pub(crate) fn monitor(&self) -> Monitor {
        self.place.monitor.clone()
    }

    /// Runs it on threads until it has ended and is not restarted.
    pub(crate) fn run(mut self) -> Result<JobExecutionResult, JobError> {
        let Crew::Threads(runtime) = &self.place.crew else {
            unreachable!("whoever steps a job polls it");
        };
        let handle = runtime.handle().clone();
        handle.block_on(self.lead())
    }

    /// As [`run`](Self::run), whoever does the work.
    pub(crate) async fn lead(&mut self) -> Result<JobExecutionResult, JobError> {
        let result = self.runs().await;
        self.place.monitor.is(match &result {
            Ok(JobExecutionResult { cancelled: false, .. }) => JobState::Finished,
            Ok(_) => JobState::Canceled,
            Err(_) => JobState::Failed,
        });
        result
    }

    async fn runs(&mut self) -> Result<JobExecutionResult, JobError> {
        let began = self.place.clock.now();
        let mut start = self.place.options.start.clone();
        let mut cause = None;
        for number in 1.. {
            let run_name = format!("{}-{number}", began.wall_ns);
            let run = Run::new(&self.place.job.id, &run_name);
            let end = self.one_run(number, &run, run_name, &start, cause.take()).await;
            let error = match end {
                Ok(End::Finished) => return Ok(self.result(false)),
                Ok(End::Cancelled) => return Ok(self.result(true)),
                Ok(End::Failed(error)) | Err(error) => error,
            };
            let delay = if error.may_pass() {
                self.restarts.after_failure(self.place.clock.since_start())
            } else {
                None
            };
            self.tell_failure(&run, &error, delay.is_some());
            self.place.monitor.failed(error.to_string());
            let Some(delay) = delay else {
                return Err(error);
            };
            cause = Some(run.failure());
            self.place.monitor.is(JobState::Restarting);
            if self.is_cancelled_within(delay, &run).await {
                return Ok(self.result(true));
            }
            start = self.start_of_next(start);
        }
        unreachable!("runs are counted for ever")
    }

    /// After a failure the newest checkpoint counts, unless this job has made none: one that is newer than that with
    /// which it began, but from before it began, is not its own.
    fn start_of_next(&self, before: Start) -> Start {
        if self.has_completed { Start::Newest } else { before }
    }

    async fn one_run(
        &mut self,
        number: u64,
        run: &Run,
        run_name: String,
        start: &Start,
        cause: Option<SpanContext>,
    ) -> Result<End, JobError> {
        let now = self.place.clock.now();
        let detail = self.place.options.checkpoints.detail;
        let mut initialization =
            Initialization::begin(self.place.job.clone(), run.clone(), detail, None, cause, now);
        let dir = self.place.local_dir.join(format!("restore-{number}"));
        let (beginning, mut known) = self.beginning(start, &dir).await.inspect_err(|error| {
            let spans = initialization.failed(&error.to_string(), self.place.clock.now());
            self.tell_spans(spans);
        })?;
        self.has_restored |= beginning.is_some();
        // A number is used once, also by a checkpoint that never was whole.
        known.last_id = known.last_id.max(self.last_id);
        let mut reports = BTreeMap::new();
        let mut restored = None;
        if let Some(Beginning {
            manifest,
            restored: state,
            reports: of,
        }) = beginning
        {
            initialization.restores(RestoredFrom {
                checkpoint: manifest.checkpoint,
                full_bytes: manifest.full_bytes() + state.listed_bytes(),
                span: Some(Run::new(&manifest.job, &manifest.run).checkpoint(manifest.checkpoint)),
            });
            (reports, restored) = (of, Some(state));
        }
        let attempt = u32::try_from(number - 1).unwrap_or(u32::MAX);
        let mut context = RuntimeContext::of_job(self.group.clone(), attempt);
        if let Some(stores) = &self.place.stores {
            context = context.with_lineage(Lineage {
                id: format!("{}\n{}", self.name, stores.of(false).place()).into(),
                goes_on: restored.is_some() && *start == Start::Newest,
            });
        }
        let mut wiring = Wiring::new(&self.graph, context, restored, self.place.stores.is_some())
            .with_state(self.place.state.of_run(number));
        self.place.monitor.begins(attempt, watched(&self.graph, &wiring));
        let start = RunStart {
            number,
            run: run.clone(),
            run_name,
            initialization,
            known,
            reports,
            restored_to: dir.clone(),
        };
        let running = Running::start(&self.place, &self.graph, &mut wiring, start);
        let ended = running.lead().await;
        self.last_id = self.last_id.max(ended.last_id);
        self.has_completed |= ended.has_completed;
        self.newest_checkpoint = self.newest_checkpoint.max(ended.newest_checkpoint);
        self.place.state.remove(number);
        drop(std::fs::remove_dir_all(&dir));
        Ok(ended.end)
    }

    /// The checkpoint that a run begins with, brought to `dir`.
    async fn beginning(&self, start: &Start, dir: &Path) -> Result<(Option<Beginning>, Known), JobError> {
        let Some(stores) = &self.place.stores else {
            let known = Known {
                last_id: 0,
                retained: Vec::new(),
            };
            return Ok((None, known));
        };
        let places = Places {
            stores,
            copies: self.place.copies.as_ref(),
        };
        let restored = restore(&self.graph, places, start, &self.place.options, dir);
        let (beginning, known) = restored.await?;
        // A directory that is not mounted looks like an empty one.
        let is_away = match self.newest_checkpoint {
            Some(newest) => known.last_id < newest,
            None => beginning.is_none() && (self.has_completed || self.has_restored),
        };
        if is_away {
            return Err(JobError::Restore(format!(
                "the newest checkpoint of this job is not in {}: the store is away",
                stores.places()
            )));
        }
        Ok((beginning, known))
    }

    fn tell_failure(&self, run: &Run, error: &JobError, can_restart: bool) {
        let now: Now = self.place.clock.now();
        let labels = [("job".to_owned(), self.name.clone())];
        let span = job_failure(
            &self.place.job,
            run,
            &error.to_string(),
            can_restart,
            &labels,
            now,
        );
        self.tell_spans(vec![span]);
    }

    fn tell_spans(&self, spans: Vec<everspan_trace::Span>) {
        if let Some(receiver) = &self.place.options.spans {
            spans.into_iter().for_each(|span| receiver.add(span));
        }
    }

    /// Waits before a restart; requests meanwhile are refused, all but the one to cancel. `run` is the one that failed.
    async fn is_cancelled_within(&mut self, delay: Duration, run: &Run) -> bool {
        let delay_ns = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        let until = self.place.clock.now().monotonic_ns.saturating_add(delay_ns);
        loop {
            match self.place.inbox.next(Some(until)).await {
                Some((_, Message::Cancel)) => return true,
                Some((_, Message::Ask(kind, asker))) => self.refuse(kind, &asker, run),
                Some(_) => {}
                None => return false,
            }
        }
    }

    /// Between two runs there is no checkpoint; a request for one has a number and a span all the same.
    fn refuse(&mut self, kind: Kind, asker: &Asker, run: &Run) {
        let resumed = Resumed {
            last_id: self.last_id,
            retained: Vec::new(),
        };
        let options = self.place.options.checkpoints.clone();
        let mut coordinator = Coordinator::new(self.place.job.clone(), run.clone(), options, resumed);
        let input = Input::Refuse {
            kind,
            ticket: Some(Ticket(0)),
            reason: match self.place.stores {
                Some(_) => AbortReason::NotAllTasksRunning,
                None => no_store(),
            },
        };
        for output in coordinator.handle(input, self.place.clock.now()) {
            match output {
                // Nobody may be waiting any more.
                Output::Answer { result, .. } => drop(asker.send(result)),
                Output::Span(span) => self.tell_spans(vec![*span]),
                _ => {}
            }
        }
        self.last_id = coordinator.last_id();
    }

    fn result(&self, cancelled: bool) -> JobExecutionResult {
        JobExecutionResult {
            net_runtime: self.place.clock.since_start(),
            cancelled,
        }
    }
}

/// Options that contradict each other.
fn check_together(options: &JobOptions, has_store: bool) -> Result<(), JobError> {
    let checkpoints = &options.checkpoints;
    if checkpoints.unaligned && checkpoints.max_concurrent != 1 {
        return Err(JobError::Option(format!(
            "execution.checkpointing.max-concurrent-checkpoints is {}: with unaligned checkpoints it must be 1",
            checkpoints.max_concurrent
        )));
    }
    match checkpoints.interval {
        Some(interval) if !has_store => Err(JobError::Option(format!(
            "execution.checkpointing.interval is {interval:?}: execution.checkpointing.dir must be set"
        ))),
        _ => Ok(()),
    }
}

/// The job as its spans know it. The same name gives the same id, so that the runs of one job are found together.
fn describe(name: &str, graph: &Graph) -> Job {
    let host = host_name();
    let tasks = graph.tasks().iter().map(|task| Task {
        id: task
            .description
            .operators
            .first()
            .map(|first| first.uid.to_string())
            .unwrap_or_default(),
        name: task.description.name(),
        hosts: vec![host.clone(); task.parallelism],
    });
    Job {
        id: derive_trace_id(name.as_bytes()).to_string(),
        name: name.to_owned(),
        tasks: tasks.collect(),
    }
}

fn watched(graph: &Graph, wiring: &Wiring) -> Vec<Watched> {
    let tasks = graph.tasks().iter().enumerate();
    tasks
        .map(|(index, task)| Watched {
            name: task.description.name(),
            is_source: task.description.is_source,
            figures: (0..task.parallelism)
                .map(|subtask| wiring.figures(index, subtask))
                .collect(),
        })
        .collect()
}
