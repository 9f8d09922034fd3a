//! Where a program begins: makes streams and runs the job.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::chain::FromSource;
use super::source::Source;
use super::stream::DataStream;
use super::watermark::millis;
use crate::connectors::file_source::FileSource;
use crate::connectors::generator::GeneratorSource;
use crate::graph::{Chain, Graph, OperatorOptions, SharedGraph};
use crate::runtime::error::JobError;
use crate::runtime::options::JobOptions;
use crate::runtime::{JobExecutionResult, JobHandle};

/// Builds a job out of streams and runs it in this process. (Flink's `StreamExecutionEnvironment`.)
#[derive(Clone, Default)]
pub struct StreamExecutionEnvironment {
    graph: SharedGraph,
}

impl StreamExecutionEnvironment {
    /// An environment with Flink's defaults: one subtask per task, 128 key groups, no checkpoints.
    pub fn new() -> Self {
        Self {
            graph: Arc::new(Mutex::new(Graph::default())),
        }
    }

    /// How many subtasks tasks have that say nothing else; the key `parallelism.default`.
    pub fn set_parallelism(&self, parallelism: usize) -> &Self {
        assert!(parallelism > 0, "a task has at least one subtask");
        self.graph().options.parallelism = parallelism;
        self
    }

    /// How many key groups keys are divided into, which is the most subtasks a keyed task can ever have; the key
    /// `pipeline.max-parallelism`. To be set before the first `key_by`; state of another number cannot be restored.
    pub fn set_max_parallelism(&self, key_groups: u16) -> &Self {
        assert!(key_groups > 0, "there is at least one key group");
        self.graph().options.max_parallelism = key_groups;
        self
    }

    /// How often watermarks leave; the key `pipeline.auto-watermark-interval`. Zero: only those that follow a record.
    pub fn set_auto_watermark_interval(&self, interval: Duration) -> &Self {
        self.graph().options.auto_watermark_interval_ms = millis(interval);
        self
    }

    /// How many batches of records may wait in a channel between two subtasks; the sender waits with more. (Flink's
    /// `taskmanager.network.memory.buffers-per-channel`.) 8 unless set.
    pub fn set_buffers_per_channel(&self, most: usize) -> &Self {
        assert!(most > 0, "a channel holds at least one batch");
        self.graph().options.buffers_per_channel = most;
        self
    }

    /// Whether a task with one subtask goes on over a `key_by` to another with one; on unless set.
    pub fn set_keyed_chaining(&self, on: bool) -> &Self {
        self.graph().options.chain_keyed = on;
        self
    }

    /// The records of a source.
    pub fn from_source<S: Source>(
        &self,
        source: S,
        name: &str,
    ) -> DataStream<S::Item, impl Chain<S::Item> + use<S>> {
        let chain = FromSource {
            source,
            operator: OperatorOptions::named(&format!("Source: {name}")),
            parallelism: None,
        };
        DataStream::new(chain, self.graph.clone())
    }

    /// The lines of a text file, or of all text files below a directory; see [`FileSource`].
    pub fn read_text_file(&self, path: &str) -> DataStream<String, impl Chain<String> + use<>> {
        let name = format!("Text {path}");
        self.from_source(FileSource::text_lines(path), &name)
    }

    /// The numbers from `from` to `to`, both included.
    pub fn from_sequence(&self, from: u64, to: u64) -> DataStream<u64, impl Chain<u64> + use<>> {
        assert!(from <= to, "a sequence begins before it ends");
        self.from_source(GeneratorSource::new(to - from + 1, move |i| from + i), "Sequence")
    }

    /// The given records.
    pub fn from_collection<T, I>(&self, records: I) -> DataStream<T, impl Chain<T> + use<T, I>>
    where
        T: Clone + Send + Sync + 'static,
        I: IntoIterator<Item = T>,
    {
        let records: Arc<[T]> = records.into_iter().collect();
        let len = records.len() as u64;
        let at = move |number: u64| {
            let index = usize::try_from(number).expect("a number of a slice's place");
            records[index].clone()
        };
        self.from_source(GeneratorSource::new(len, at), "Collection")
    }

    /// Runs the job until its sources have ended.
    ///
    /// # Errors
    ///
    /// When the job cannot be run, or failed.
    pub fn execute(&self, name: &str) -> Result<JobExecutionResult, JobError> {
        self.execute_with(name, JobOptions::default())
    }

    /// As [`execute`](Self::execute), with checkpoints, restarts, spans as `options` say.
    ///
    /// # Errors
    ///
    /// As [`execute`](Self::execute).
    pub fn execute_with(&self, name: &str, options: JobOptions) -> Result<JobExecutionResult, JobError> {
        self.start(name, options)?.wait()
    }

    /// Starts the job and returns at once. (Flink's `executeAsync`.)
    ///
    /// # Errors
    ///
    /// When the job cannot be run.
    pub fn start(&self, name: &str, options: JobOptions) -> Result<JobHandle, JobError> {
        JobHandle::start(name, self.take_graph(), options)
    }

    /// What the program built.
    pub(crate) fn take_graph(&self) -> Graph {
        std::mem::take(&mut *self.graph())
    }

    fn graph(&self) -> std::sync::MutexGuard<'_, Graph> {
        self.graph.lock().expect("building a graph does not panic twice")
    }
}
