//! A keyed stream divided by windows.

use std::marker::PhantomData;
use std::time::Duration;

use super::output_tag::OutputTag;
use super::stream::DataStream;
use super::watermark::millis;
use super::window_functions::{AggregateFunction, AsItIs, Elements, ProcessWindowFunction, Reducing};
use super::windows::WindowAssigner;
use crate::data::{Key, StateValue};
use crate::graph::Chain;
use crate::operators::window::{Window, WindowOptions};

/// The records of each key and window. (Flink's `WindowedStream`.)
///
/// ```
/// use std::time::Duration;
///
/// use everspan_stream::{StreamExecutionEnvironment, TumblingEventTimeWindows, WatermarkStrategy};
///
/// let env = StreamExecutionEnvironment::new();
/// let sums = env
///     .from_collection([(1_000, "a", 1), (9_999, "a", 2), (10_000, "a", 4)].map(|(t, k, n)| (t, k.to_owned(), n)))
///     .assign_timestamps_and_watermarks(
///         WatermarkStrategy::for_monotonous_timestamps()
///             .with_timestamp_assigner(|record: &(i64, String, u32), _| record.0),
///     )
///     .key_by(|record| record.1.clone())
///     .window(TumblingEventTimeWindows::of(Duration::from_secs(10)))
///     .reduce(|a, b| (b.0, b.1, a.2 + b.2))
///     .map(|(_, key, sum)| (key, sum))
///     .collect();
/// env.execute("sums")?;
/// assert_eq!(sums.take(), [("a".to_owned(), 3), ("a".to_owned(), 4)]);
/// # Ok::<(), everspan_stream::JobError>(())
/// ```
#[must_use = "a stream without a sink does nothing"]
pub struct WindowedStream<T, K, S, W, B> {
    stream: DataStream<T, B>,
    selector: S,
    assigner: W,
    options: WindowOptions<T>,
    key: PhantomData<fn() -> K>,
}

impl<T, K, S, W, B> WindowedStream<T, K, S, W, B>
where
    T: Clone + Send + 'static,
    K: Key,
    S: Fn(&T) -> K + Clone + Send + 'static,
    W: WindowAssigner,
    B: Chain<T>,
{
    pub(crate) fn new(stream: DataStream<T, B>, selector: S, assigner: W) -> Self {
        Self {
            stream,
            selector,
            assigner,
            options: WindowOptions::default(),
            key: PhantomData,
        }
    }

    /// How long after its end, by the watermark, a window still takes records. With each of them it comes out again.
    pub fn allowed_lateness(mut self, lateness: Duration) -> Self {
        self.options.lateness_ms = millis(lateness);
        self
    }

    /// Where records go that are too late for all their windows; see
    /// [`get_side_output`](DataStream::get_side_output). Without it they are dropped and counted.
    pub fn side_output_late_data(mut self, tag: &OutputTag<T>) -> Self {
        self.options.late = Some(tag.clone());
        self
    }

    /// One value for each window: what `function` makes of its records.
    pub fn aggregate<A>(self, function: A) -> DataStream<A::Out, impl Chain<A::Out>>
    where
        A: AggregateFunction<T>,
        A::Out: 'static,
    {
        self.aggregate_with(function, AsItIs)
    }

    /// What `process` says of the value that `function` makes of a window's records.
    pub fn aggregate_with<A, P>(self, function: A, process: P) -> DataStream<P::Out, impl Chain<P::Out>>
    where
        A: AggregateFunction<T>,
        P: ProcessWindowFunction<K, A::Out>,
        P::Out: 'static,
    {
        let slices = self.assigner.slices();
        let window = Window::new(self.selector, slices, self.options, function, process);
        self.stream.then("Window", window)
    }

    /// One record for each window, two by two.
    pub fn reduce<F>(self, function: F) -> DataStream<T, impl Chain<T>>
    where
        T: StateValue,
        F: Fn(T, T) -> T + Clone + Send + 'static,
    {
        self.aggregate(Reducing::new(function))
    }

    /// What `function` says of all records of a window, in the order in which they came. All of them are kept until then.
    pub fn process<P>(self, function: P) -> DataStream<P::Out, impl Chain<P::Out>>
    where
        T: StateValue,
        P: ProcessWindowFunction<K, Vec<T>>,
        P::Out: 'static,
    {
        self.aggregate_with(Elements, function)
    }
}
