//! For tests of operators: a job of one chain that the test steps, on a clock of its own.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use everspan_checkpoint::Now;

use crate::api::source::{Progress, Source, SourceReader};
use crate::graph::{Chain, Graph, Wiring};
use crate::runtime_context::RuntimeContext;
use crate::task::{Step, Subtask};
use crate::{
    Collector, DataStream, Result, StreamExecutionEnvironment, WatermarkGenerator, WatermarkStrategy,
};

/// What a test feeds: records with their time, and watermarks.
#[derive(Clone, Debug)]
pub(crate) enum Item<T> {
    Record(i64, T),
    Watermark(i64),
}

use Item::{Record, Watermark};

/// A source that emits what a test gives it.
pub(crate) struct Script<T> {
    items: Arc<Mutex<(VecDeque<Item<T>>, bool)>>,
}

impl<T> Clone for Script<T> {
    fn clone(&self) -> Self {
        Self {
            items: self.items.clone(),
        }
    }
}

impl<T: Clone + Send + 'static> Script<T> {
    pub(crate) fn new() -> Self {
        Self {
            items: Arc::new(Mutex::new((VecDeque::new(), false))),
        }
    }

    pub(crate) fn feed(&self, items: impl IntoIterator<Item = Item<T>>) {
        self.items.lock().unwrap().0.extend(items);
    }

    pub(crate) fn end(&self) {
        self.items.lock().unwrap().1 = true;
    }

    /// The records with their times, and the watermarks where they were fed.
    pub(crate) fn stream(&self, env: &StreamExecutionEnvironment) -> DataStream<T, impl Chain<T>> {
        env.from_source(self.clone(), "Script")
            .assign_timestamps_and_watermarks(WatermarkStrategy::for_generator(Fed).with_timestamp_assigner(
                |item: &Item<T>, _| match item {
                    Record(time, _) | Watermark(time) => *time,
                },
            ))
            .flat_map(|item| match item {
                Record(_, record) => Some(record),
                Watermark(_) => None,
            })
    }
}

#[derive(Clone)]
struct Fed;

impl<T> WatermarkGenerator<Item<T>> for Fed {
    fn on_event(&mut self, item: &Item<T>, _timestamp: i64) -> Option<i64> {
        match item {
            Watermark(time) => Some(*time),
            Record(..) => None,
        }
    }

    fn on_periodic_emit(&mut self) -> Option<i64> {
        None
    }
}

impl<T: Clone + Send + 'static> Source for Script<T> {
    type Item = Item<T>;
    type Split = ();
    type Reader = Self;

    fn splits(&self, _parallelism: usize) -> Result<Vec<()>> {
        Ok(Vec::new())
    }

    fn reader(&self, _context: &RuntimeContext) -> Result<Self> {
        Ok(self.clone())
    }
}

impl<T: Clone + Send + 'static> SourceReader for Script<T> {
    type Item = Item<T>;
    type Split = ();

    fn add_splits(&mut self, _splits: Vec<()>) -> Result {
        Ok(())
    }

    fn poll_next(&mut self, _max: usize, out: &mut impl Collector<Item<T>>) -> Result<Progress> {
        let mut items = self.items.lock().unwrap();
        for item in items.0.drain(..) {
            out.collect(item);
        }
        Ok(if items.1 {
            Progress::End
        } else {
            Progress::Later { at_ms: None }
        })
    }

    fn snapshot(&mut self) -> Result<Vec<()>> {
        Ok(Vec::new())
    }
}

/// A job that is one subtask.
pub(crate) struct Driven {
    subtask: Box<dyn Subtask>,
}

impl Driven {
    /// Opens the job that `env` holds at a time in ms.
    pub(crate) fn open(env: &StreamExecutionEnvironment, at_ms: u64) -> Self {
        let mut graph: Graph = env.take_graph();
        graph.finish().expect("the job can be run");
        assert_eq!(graph.tasks().len(), 1, "the job is one chain");
        let spans = everspan_export::Reporters::new(Vec::new()).metric_group();
        let mut wiring = Wiring::new(&graph, RuntimeContext::of_job(spans, 0), None, false);
        let mut subtask = graph.make(&mut wiring, 0, 0);
        subtask.open(now(at_ms)).expect("the operators open");
        Self { subtask }
    }

    /// Steps at a time until there is nothing to do; says when there will be again.
    pub(crate) fn run(&mut self, at_ms: u64) -> Option<i64> {
        self.try_run(at_ms).expect("no operator fails")
    }

    /// As [`run`](Self::run); or what an operator failed with.
    pub(crate) fn try_run(&mut self, at_ms: u64) -> Result<Option<i64>, crate::Failure> {
        loop {
            match self.subtask.step(now(at_ms))? {
                Step::Worked => {}
                Step::Idle { until } => return Ok(until),
                Step::Ended { .. } => return Ok(None),
                Step::BackPressured { .. } => panic!("a chain alone has nobody to wait for"),
            }
        }
    }
}

fn now(at_ms: u64) -> Now {
    Now {
        wall_ns: at_ms * 1_000_000,
        monotonic_ns: at_ms * 1_000_000,
    }
}
