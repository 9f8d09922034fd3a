//! What is checkpointed: a job, its tasks and their subtasks, and one run of it.

use everspan_trace::{SpanContext, derive_span_id, derive_trace_id};

/// A job: the unit that is checkpointed and restored as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// What `jobId` says on every span; stays the same over restarts.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Its tasks, in the order of the data.
    pub tasks: Vec<Task>,
}

/// A part of a job that runs as several subtasks alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Identifies the task over restarts (a stream operator's uid).
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Where each subtask runs; as many as there are subtasks.
    pub hosts: Vec<String>,
}

/// One subtask of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubtaskId {
    /// Position of its task in [`Job::tasks`].
    pub task: u32,
    /// Number within the task, from 0.
    pub index: u32,
}

impl Job {
    /// Every subtask, task by task.
    pub fn subtasks(&self) -> impl Iterator<Item = SubtaskId> {
        (0u32..).zip(&self.tasks).flat_map(|(task, of)| {
            (0u32..)
                .zip(&of.hosts)
                .map(move |(index, _)| SubtaskId { task, index })
        })
    }

    /// How many subtasks there are.
    pub fn parallelism(&self) -> usize {
        self.tasks.iter().map(|task| task.hosts.len()).sum()
    }

    pub(crate) fn has(&self, subtask: SubtaskId) -> bool {
        self.task(subtask)
            .is_some_and(|task| (subtask.index as usize) < task.hosts.len())
    }

    pub(crate) fn task(&self, subtask: SubtaskId) -> Option<&Task> {
        self.tasks.get(subtask.task as usize)
    }
}

/// One run of a job, from a start to the next one. Its spans' ids follow from the job's id and the run's name, so that
/// what is told twice is told with the same ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    seed: String,
}

/// Labels that tell the spans of one seed apart.
const ROOT: u64 = 0;

impl Run {
    /// `name` is unique among the runs of the job: a number drawn or counted at the start.
    pub fn new(job_id: &str, name: &str) -> Self {
        Self {
            seed: format!("{job_id}/{name}"),
        }
    }

    /// Where the `JobInitialization` span of this run stands.
    pub fn initialization(&self) -> SpanContext {
        self.root("initialization")
    }

    /// Where the `Checkpoint` span of `checkpoint` stands.
    pub fn checkpoint(&self, checkpoint: u64) -> SpanContext {
        self.root(&format!("checkpoint/{checkpoint}"))
    }

    /// Where the `JobFailure` span that ends this run stands.
    pub fn failure(&self) -> SpanContext {
        self.root("failure")
    }

    fn root(&self, what: &str) -> SpanContext {
        let seed = format!("{}/{what}", self.seed);
        let seed = seed.as_bytes();
        SpanContext::sampled(derive_trace_id(seed), derive_span_id(seed, ROOT))
    }
}

/// The context of a span below `root`: `label` is unique in its trace and not 0.
pub(crate) fn below(root: &SpanContext, label: u64) -> SpanContext {
    assert!(label != ROOT, "the root has the label 0");
    root.with_span_id(derive_span_id(&root.trace_id.0, label))
}
