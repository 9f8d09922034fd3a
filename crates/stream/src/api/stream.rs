//! A stream of records.

use std::marker::PhantomData;

use super::chain::{Exchanged, Then, United};
use super::functions::{FlatMapFunction, MapFunction};
use super::joined_streams::JoinedStreams;
use super::keyed_stream::KeyedStream;
use super::output_tag::{OutputTag, Tagged};
use super::sink::Sink;
use super::watermark::{TimestampAssigner, WatermarkGenerator, WatermarkStrategy};
use crate::connectors::collect::Collected;
use crate::connectors::print::PrintSink;
use crate::data::{Data, Key};
use crate::exchange::{Forward, Global, Hash, Rebalance};
use crate::graph::{Branches, Chain, SharedGraph, TeeFactory};
use crate::operators::OperatorFactory;
use crate::operators::filter::Filter;
use crate::operators::flat_map::{FlatMap, FlatMapRich};
use crate::operators::map::{Map, MapRich};
use crate::operators::sink::{self, ToSink};
use crate::operators::timestamps::AssignTimestamps;

/// A stream of `T`, as far as the program has built it. (Flink's `DataStream`.)
///
/// `B` says how: every operator wraps the type of what is in front of it, so that a chain is one type and a record
/// passes through it without boxing. A stream is used once; it ends in a sink.
#[must_use = "a stream without a sink does nothing"]
pub struct DataStream<T, B> {
    pub(crate) chain: B,
    pub(crate) graph: SharedGraph,
    records: PhantomData<fn() -> T>,
}

impl<T, B: Clone> Clone for DataStream<T, B> {
    fn clone(&self) -> Self {
        Self {
            chain: self.chain.clone(),
            graph: self.graph.clone(),
            records: PhantomData,
        }
    }
}

impl<T: 'static, B: Chain<T>> DataStream<T, B> {
    pub(crate) fn new(chain: B, graph: SharedGraph) -> Self {
        Self {
            chain,
            graph,
            records: PhantomData,
        }
    }

    /// Identifies the operator that was added last, over restarts and changes of the program. Its state is found by it.
    pub fn uid(mut self, uid: &str) -> Self {
        self.chain.operator().uid = Some(uid.to_owned());
        self
    }

    /// Names the operator that was added last, for people.
    pub fn name(mut self, name: &str) -> Self {
        self.chain.operator().name = name.to_owned();
        self
    }

    /// How many subtasks run the operators from the last source, `key_by`, `rebalance` or `union` on.
    pub fn set_parallelism(mut self, parallelism: usize) -> Self {
        assert!(parallelism > 0, "a task has at least one subtask");
        *self.chain.parallelism() = Some(parallelism);
        self
    }

    /// One record in, one out.
    pub fn map<U, F>(self, function: F) -> DataStream<U, impl Chain<U>>
    where
        U: 'static,
        F: FnMut(T) -> U + Clone + Send + 'static,
    {
        self.then("Map", Map(function))
    }

    /// As [`map`](Self::map), with a function that has a start, an end and errors.
    pub fn map_with<F>(self, function: F) -> DataStream<F::Out, impl Chain<F::Out>>
    where
        F: MapFunction<T>,
        F::Out: 'static,
    {
        self.then("Map", MapRich(function))
    }

    /// The records for which `function` says yes.
    pub fn filter<F>(self, function: F) -> DataStream<T, impl Chain<T>>
    where
        F: FnMut(&T) -> bool + Clone + Send + 'static,
    {
        self.then("Filter", Filter(function))
    }

    /// One record in, any number out: what the function returns.
    pub fn flat_map<I, F>(self, function: F) -> DataStream<I::Item, impl Chain<I::Item>>
    where
        I: IntoIterator,
        I::Item: 'static,
        F: FnMut(T) -> I + Clone + Send + 'static,
    {
        self.then("FlatMap", FlatMap(function))
    }

    /// As [`flat_map`](Self::flat_map), with a function that puts its results into a collector one by one.
    pub fn flat_map_with<F>(self, function: F) -> DataStream<F::Out, impl Chain<F::Out>>
    where
        F: FlatMapFunction<T>,
        F::Out: 'static,
    {
        self.then("FlatMap", FlatMapRich(function))
    }

    /// Divides the stream by a key: all records of a key meet in one subtask, which keeps state for it.
    pub fn key_by<K, S>(self, selector: S) -> KeyedStream<T, K, S, impl Chain<T>>
    where
        T: Data,
        K: Key,
        S: Fn(&T) -> K + Clone + Send + 'static,
    {
        let key_groups = self.graph().max_parallelism();
        let partitioner = Hash::new(selector.clone(), key_groups);
        let exchanged = self.exchanged(partitioner, true);
        KeyedStream::new(exchanged, selector)
    }

    /// Hands the records to the subtasks of a new task in turn.
    pub fn rebalance(self) -> DataStream<T, impl Chain<T>>
    where
        T: Data,
    {
        self.exchanged(Rebalance::default(), false)
    }

    /// Hands all records to the first subtask of a new task.
    pub fn global(self) -> DataStream<T, impl Chain<T>>
    where
        T: Data,
    {
        self.exchanged(Global, false)
    }

    /// Goes on in a new task with as many subtasks, each of which gets what one before it made. For chains that are to be
    /// divided among more threads.
    pub fn start_new_chain(mut self) -> DataStream<T, impl Chain<T>>
    where
        T: Data,
    {
        let parallelism = *self.chain.parallelism();
        let mut stream = self.exchanged(Forward, false);
        *stream.chain.parallelism() = parallelism;
        stream
    }

    /// Gives records their time and says how far time has come, see [`WatermarkStrategy`].
    pub fn assign_timestamps_and_watermarks<G, A>(
        self,
        strategy: WatermarkStrategy<G, A>,
    ) -> DataStream<T, impl Chain<T>>
    where
        G: WatermarkGenerator<T>,
        A: TimestampAssigner<T>,
    {
        self.then("Timestamps/Watermarks", AssignTimestamps(strategy))
    }

    /// Pairs of records of both streams that have one key and window.
    pub fn join<U, C>(self, other: DataStream<U, C>) -> JoinedStreams<T, U, B, C> {
        JoinedStreams {
            first: self,
            second: other,
        }
    }

    /// A stream that can be cloned: each clone goes on with the same records, in the same task. Parallelism, name and uid
    /// are to be set before.
    pub fn share(mut self) -> DataStream<T, impl Chain<T> + Clone>
    where
        T: Clone,
    {
        let branches = Branches::new();
        let branch = branches.branch(*self.chain.parallelism());
        let (chain, tee) = (self.chain, TeeFactory(branches.clone()));
        let graph = self.graph.clone();
        // This list, and the one of what is in front.
        let is_ready = move || branches.are_all_attached(2);
        graph
            .lock()
            .expect("building a graph does not panic twice")
            .at_end(is_ready, |graph| chain.attach(tee, graph));
        DataStream::new(branch, graph)
    }

    /// The records that the operator added last gives to a side output.
    ///
    /// # Panics
    ///
    /// When that operator has none: only keyed process functions and windows do.
    pub fn get_side_output<X>(&mut self, tag: &OutputTag<X>) -> DataStream<X, impl Chain<X> + Clone>
    where
        X: Clone + Send + 'static,
    {
        let parallelism = *self.chain.parallelism();
        let name = self.chain.operator().name.clone();
        let Some(side_outputs) = self.chain.side_outputs() else {
            panic!(
                "operator `{name}` has no side outputs: ask the stream right behind process() or a window"
            );
        };
        let branches = Branches::new();
        let branch = branches.branch(parallelism);
        side_outputs.push(Box::new(Tagged {
            tag: tag.clone(),
            branches,
        }));
        DataStream::new(branch, self.graph.clone())
    }

    /// The records of both.
    pub fn union<C: Chain<T>>(self, other: DataStream<T, C>) -> DataStream<T, impl Chain<T>>
    where
        T: Data,
    {
        let united = United {
            first: self.chain,
            second: other.chain,
            parallelism: None,
        };
        DataStream::new(united, self.graph)
    }

    /// Ends the stream in a sink.
    pub fn sink_to<S: Sink<T>>(self, sink: S) {
        self.named_sink(sink, sink::options());
    }

    /// Ends the stream in a sink with a name and a uid.
    pub fn sink_to_as<S: Sink<T>>(self, sink: S, uid: &str) {
        let mut options = sink::options();
        options.name = format!("Sink: {uid}");
        options.uid = Some(uid.to_owned());
        self.named_sink(sink, options);
    }

    /// Writes each record as a line to standard output; see [`PrintSink`].
    pub fn print(self)
    where
        T: std::fmt::Display,
    {
        let mut options = sink::options();
        options.name = "Sink: Print to Std. Out".to_owned();
        self.named_sink(PrintSink::new(), options);
    }

    /// Keeps the records in memory, to be looked at when the job has run.
    pub fn collect(self) -> Collected<T>
    where
        T: Send,
    {
        let collected = Collected::default();
        self.sink_to(collected.clone());
        collected
    }

    fn named_sink<S: Sink<T>>(self, sink: S, options: crate::graph::OperatorOptions) {
        let mut graph = self.graph.lock().expect("building a graph does not panic twice");
        let operator = graph.add_operator(options);
        self.chain.attach(ToSink { sink, operator }, &mut graph);
    }

    pub(crate) fn then<O: OperatorFactory<T>>(
        self,
        name: &str,
        factory: O,
    ) -> DataStream<O::Out, Then<T, B, O>> {
        DataStream::new(Then::new(self.chain, factory, name), self.graph)
    }

    fn exchanged<P: crate::exchange::Partitioner<T>>(
        self,
        partitioner: P,
        may_chain: bool,
    ) -> DataStream<T, Exchanged<B, P>>
    where
        T: Data,
    {
        let exchanged = Exchanged {
            before: self.chain,
            partitioner,
            parallelism: None,
            may_chain,
        };
        DataStream::new(exchanged, self.graph)
    }

    fn graph(&self) -> std::sync::MutexGuard<'_, crate::graph::Graph> {
        self.graph.lock().expect("building a graph does not panic twice")
    }
}
