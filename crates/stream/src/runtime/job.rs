//! A job from its start to its end: runs, and what comes between them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use everspan_checkpoint::{Initialization, Job, Now, Restored as RestoredFrom, Run, Task, job_failure};
use everspan_state::store::CheckpointStore;
use everspan_trace::{MetricGroup, SpanContext, derive_trace_id};

use super::clock::Clock;
use super::error::JobError;
use super::host::host_name;
use super::monitor::{JobState, Monitor, Watched};
use super::options::{JobOptions, Start};
use super::restart::{RestartStrategy, Restarts};
use super::restore::{Beginning, Known, restore};
use super::run::{Addressed, End, Message, Place, Running, Start as RunStart};
use super::{JobExecutionResult, NoSpans};
use crate::graph::{Graph, Wiring};
use crate::runtime_context::RuntimeContext;

/// A job that is set up and has not begun.
pub(crate) struct ReadyJob {
    graph: Graph,
    place: Place,
    group: MetricGroup,
    restarts: Restarts,
    /// The highest number of a checkpoint that any run has begun.
    last_id: u64,
    name: String,
}

/// Directories of this process get different names.
static JOBS: AtomicU64 = AtomicU64::new(0);

impl ReadyJob {
    pub(crate) fn new(name: &str, mut graph: Graph, options: JobOptions) -> Result<Self, JobError> {
        graph.finish()?;
        if options.checkpoints.unaligned && options.checkpoints.max_concurrent != 1 {
            return Err(JobError::Option(format!(
                "execution.checkpointing.max-concurrent-checkpoints is {}: with unaligned checkpoints it must be 1",
                options.checkpoints.max_concurrent
            )));
        }
        let clock = Clock::start();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .thread_name("everspan-checkpoints")
            .build()
            .map_err(JobError::Thread)?;
        let store = options.checkpoint_dir.as_ref().map(|place| {
            let opened = CheckpointStore::open(place, options.store.clone());
            let named = |error| JobError::Option(format!("execution.checkpointing.dir: {error}"));
            opened.map(Arc::new).map_err(named)
        });
        let store = store.transpose()?;
        let number = JOBS.fetch_add(1, Ordering::Relaxed);
        let base = options.local_dir.clone().unwrap_or_else(std::env::temp_dir);
        let dir = base.join(format!("everspan-stream-{}-{number}", std::process::id()));
        let strategy = options.restart.clone().unwrap_or_else(|| match store {
            Some(_) => RestartStrategy::exponential(),
            None => RestartStrategy::None,
        });
        let (sender, receiver) = mpsc::channel();
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
            name: name.to_owned(),
            place: Place {
                job,
                options,
                clock,
                monitor: Monitor::default(),
                store,
                local_dir: dir,
                runtime,
                messages: receiver,
                sender,
            },
        })
    }

    /// Where messages to the job go.
    pub(crate) fn sender(&self) -> mpsc::Sender<Addressed> {
        self.place.sender.clone()
    }

    /// What can be seen of it.
    pub(crate) fn monitor(&self) -> Monitor {
        self.place.monitor.clone()
    }

    /// Runs it until it has ended and is not restarted.
    pub(crate) fn run(mut self) -> Result<JobExecutionResult, JobError> {
        let result = self.runs();
        self.place.monitor.is(match &result {
            Ok(JobExecutionResult { cancelled: false, .. }) => JobState::Finished,
            Ok(_) => JobState::Canceled,
            Err(_) => JobState::Failed,
        });
        // What is left of it means nothing, and lies in a directory of this process.
        drop(std::fs::remove_dir_all(&self.place.local_dir));
        result
    }

    fn runs(&mut self) -> Result<JobExecutionResult, JobError> {
        let began = self.place.clock.now();
        let mut start = self.place.options.start.clone();
        let mut cause = None;
        for number in 1.. {
            let run_name = format!("{}-{number}", began.wall_ns);
            let run = Run::new(&self.place.job.id, &run_name);
            let end = self.one_run(number, &run, run_name, &start, cause.take());
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
            if self.is_cancelled_within(delay) {
                return Ok(self.result(true));
            }
            // A checkpoint of this run is newer than the one it began with.
            if self.place.store.is_some() {
                start = self.start_of_next(start);
            }
        }
        unreachable!("runs are counted for ever")
    }

    /// After a failure the newest checkpoint counts, unless the job began afresh and has made none.
    fn start_of_next(&self, before: Start) -> Start {
        let store = self.place.store.as_ref().expect("only asked with a store");
        let newest = self.place.runtime.block_on(store.list()).ok();
        let newest =
            newest.and_then(|listing| listing.readable.iter().map(|manifest| manifest.checkpoint).max());
        match (before, newest) {
            (Start::Fresh, None) => Start::Fresh,
            (Start::From(number), Some(newest)) if newest <= number => Start::From(number),
            _ => Start::Newest,
        }
    }

    fn one_run(
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
        let (beginning, mut known) = match &self.place.store {
            None => (
                None,
                Known {
                    last_id: 0,
                    retained: Vec::new(),
                },
            ),
            Some(store) => {
                let restored = restore(&self.graph, store, start, &self.place.options, &dir);
                self.place.runtime.block_on(restored).inspect_err(|error| {
                    let spans = initialization.failed(&error.to_string(), self.place.clock.now());
                    self.tell_spans(spans);
                })?
            }
        };
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
        let context = RuntimeContext::of_job(self.group.clone(), attempt);
        let mut wiring = Wiring::new(&self.graph, context, restored, self.place.store.is_some());
        self.place.monitor.begins(attempt, watched(&self.graph, &wiring));
        let start = RunStart {
            number,
            run: run.clone(),
            run_name,
            initialization,
            known,
            reports,
        };
        let running = Running::start(&self.place, &self.graph, &mut wiring, start)?;
        let (end, last_id) = running.lead();
        self.last_id = self.last_id.max(last_id);
        drop(std::fs::remove_dir_all(&dir));
        Ok(end)
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

    /// Waits before a restart; requests meanwhile are refused, all but the one to cancel.
    fn is_cancelled_within(&self, delay: Duration) -> bool {
        let until = self.place.clock.since_start() + delay;
        loop {
            let wait = until.saturating_sub(self.place.clock.since_start());
            match self.place.messages.recv_timeout(wait) {
                Ok((_, Message::Cancel)) => return true,
                Ok((_, Message::Ask(_, asker))) => {
                    drop(asker.send(Err(everspan_checkpoint::AbortReason::NotAllTasksRunning)));
                }
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }

    fn result(&self, cancelled: bool) -> JobExecutionResult {
        JobExecutionResult {
            net_runtime: self.place.clock.since_start(),
            cancelled,
        }
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
