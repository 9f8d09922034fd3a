//! A job of two tasks whose spans leave over OTLP and are received.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use everspan_export::{OtlpOptions, Pipeline, PipelineOptions, Reporter, Reporters, SharedWriter, otlp};
use everspan_stream::{
    DiscardingSink, JobControl, JobOptions, JobState, JobStatus, MapFunction, RestartStrategy, Source,
    StreamExecutionEnvironment, TaskStatus,
};
use everspan_trace::SpanReceiver;

use super::ahead::Latch;
use crate::collector::Collector;

/// However slow the machine is.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where the spans of jobs go.
pub(super) type Spans = Arc<dyn SpanReceiver>;

/// Plays a scene, and waits until a collector has received every span of it.
pub(super) fn told<R>(scene: impl FnOnce(Spans) -> R) -> (Collector, R) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let collector = runtime.block_on(Collector::start());
    let destination = otlp::destination(OtlpOptions::new(&collector.url)).unwrap();
    let options = PipelineOptions::new("otlp");
    let pipeline = Pipeline::start(options, destination, &[], runtime.handle()).unwrap();
    let reporters = Reporters::new(vec![Reporter::new(pipeline)]);
    let played = scene(Arc::new(SharedWriter::new(reporters.writer())));
    let sent = runtime.block_on(reporters.shutdown(PATIENCE));
    assert!(sent, "a span was not sent");
    (collector, played)
}

/// Counts numbers by key, in a task of its own that does nothing before the latch is open.
pub(super) fn counting<S, F>(
    source: S,
    parallelism: usize,
    look: F,
    latch: &Latch,
) -> StreamExecutionEnvironment
where
    S: Source<Item = u64>,
    F: MapFunction<u64, Out = u64>,
{
    let env = StreamExecutionEnvironment::new();
    env.set_parallelism(parallelism).set_keyed_chaining(false);
    let latch = latch.clone();
    env.from_source(source, "numbers")
        .uid("numbers")
        .map_with(look)
        .name("look")
        .key_by(|number| number % 50)
        .map_with_state("count", move |_, count: &mut u64, _| {
            latch.wait();
            *count += 1;
            *count
        })
        .name("count")
        .uid("count")
        .sink_to(DiscardingSink);
    env
}

/// Checkpoints on demand, no restart.
pub(super) fn options(dir: &Path, spans: &Spans) -> JobOptions {
    JobOptions {
        checkpoint_dir: Some(dir.to_string_lossy().into_owned()),
        spans: Some(Arc::clone(spans)),
        restart: Some(RestartStrategy::None),
        ..JobOptions::default()
    }
}

/// So many restarts, without a pause.
pub(super) fn restarts(attempts: u32) -> Option<RestartStrategy> {
    Some(RestartStrategy::FixedDelay {
        attempts,
        delay: Duration::ZERO,
    })
}

/// The two tasks of the job.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Task {
    Numbers,
    Count,
}

/// Waits until every subtask runs and so many records have come to this task, or were made by it.
pub(super) fn until_records(control: &JobControl, task: Task, records: u64) {
    let come = |status: &JobStatus| -> u64 {
        let is_it = |of: &&TaskStatus| of.is_source == (task == Task::Numbers);
        let subtasks = status.tasks.iter().filter(is_it).flat_map(|of| &of.subtasks);
        subtasks.map(|of| of.records_in).sum()
    };
    let begun = Instant::now();
    loop {
        let status = control.status();
        if status.state == JobState::Running && come(&status) >= records {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{status:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
