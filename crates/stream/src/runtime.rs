//! Threads around a graph: one per subtask.

mod clock;
pub(crate) mod error;
mod subtask_thread;

use std::sync::Arc;
use std::sync::mpsc;

use everspan_trace::MetricGroup;

use crate::graph::{Graph, Wiring};
use crate::runtime_context::RuntimeContext;
use clock::Clock;
use error::JobError;
use subtask_thread::{Ended, SubtaskThread};

/// What a job that ran to its end tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobExecutionResult {
    /// From its start to its end.
    pub net_runtime: std::time::Duration,
}

/// Runs a graph on threads until its sources have ended.
pub(crate) fn execute(name: &str, mut graph: Graph) -> Result<JobExecutionResult, JobError> {
    graph.finish()?;
    let clock = Clock::start();
    let group = no_spans().add_group("job_name", name.to_owned());
    let mut wiring = Wiring::new(&graph, RuntimeContext::of_job(group, 0));
    let (events, ended) = mpsc::channel();
    let mut threads = Vec::new();
    for (task, of) in graph.tasks().iter().enumerate() {
        for index in 0..of.parallelism {
            let subtask = graph.make(&mut wiring, task, index);
            let name = format!("{} ({}/{})", of.description.name(), index + 1, of.parallelism);
            let waker = wiring.waker(task, index);
            let figures = wiring.figures(task, index);
            threads.push(SubtaskThread::spawn(
                name,
                subtask,
                waker,
                figures,
                clock.clone(),
                events.clone(),
            )?);
        }
    }
    drop(events);
    let mut failed = None;
    let mut running = threads.len();
    while running > 0 {
        match ended.recv().expect("every thread says how it ended") {
            Ended { failure: None, .. } => running -= 1,
            Ended { failure, subtask } => {
                running -= 1;
                if failed.is_none() {
                    failed = failure.map(|failure| JobError::Failed { subtask, failure });
                    threads.iter().for_each(SubtaskThread::cancel);
                }
            }
        }
    }
    for thread in threads {
        thread.join();
    }
    match failed {
        Some(error) => Err(error),
        None => Ok(JobExecutionResult {
            net_runtime: clock.since_start(),
        }),
    }
}

fn no_spans() -> MetricGroup {
    everspan_export::Reporters::new(Vec::new()).metric_group()
}

type Events = mpsc::Sender<Ended>;
type SharedClock = Arc<Clock>;
