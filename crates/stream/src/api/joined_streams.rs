//! Two streams joined by key and window.

use std::time::Duration;

use borsh::{BorshDeserialize, BorshSerialize};

use super::stream::DataStream;
use super::window_functions::{AggregateFunction, ProcessWindowFunction, WindowContext};
use super::windows::WindowAssigner;
use crate::collector::Collector;
use crate::data::{Key, StateValue};
use crate::failure::Result;
use crate::graph::Chain;

/// Two streams, of which records of one key and window meet. (Flink's `JoinedStreams`.)
///
/// ```
/// use std::time::Duration;
///
/// use everspan_stream::{StreamExecutionEnvironment, TumblingEventTimeWindows, WatermarkStrategy};
///
/// let env = StreamExecutionEnvironment::new();
/// let by_time = || WatermarkStrategy::for_monotonous_timestamps().with_timestamp_assigner(|r: &(i64, u64), _| r.0);
/// let people = env.from_collection([(1, 7), (2, 8)]).assign_timestamps_and_watermarks(by_time());
/// let orders = env.from_collection([(3, 8), (9_000, 7)]).assign_timestamps_and_watermarks(by_time());
/// let joined = people
///     .join(orders)
///     .where_key(|person| person.1)
///     .equal_to(|order| order.1)
///     .window(TumblingEventTimeWindows::of(Duration::from_secs(5)))
///     .apply(|person, order| (person.1, person.0, order.0))
///     .collect();
/// env.execute("join")?;
/// assert_eq!(joined.take(), [(8, 2, 3)]);
/// # Ok::<(), everspan_stream::JobError>(())
/// ```
#[must_use = "a stream without a sink does nothing"]
pub struct JoinedStreams<T, U, B, C> {
    pub(super) first: DataStream<T, B>,
    pub(super) second: DataStream<U, C>,
}

impl<T, U, B, C> JoinedStreams<T, U, B, C>
where
    T: StateValue,
    U: StateValue,
    B: Chain<T>,
    C: Chain<U>,
{
    /// The key of records of the first stream. (Flink's `where`, a word that Rust has taken.)
    pub fn where_key<K, S>(self, selector: S) -> JoinedWhere<T, U, S, B, C>
    where
        K: Key,
        S: Fn(&T) -> K + Clone + Send + 'static,
    {
        JoinedWhere {
            streams: self,
            selector,
        }
    }
}

/// See [`JoinedStreams`]: the key of the first stream is known.
#[must_use = "a stream without a sink does nothing"]
pub struct JoinedWhere<T, U, S, B, C> {
    streams: JoinedStreams<T, U, B, C>,
    selector: S,
}

impl<T, U, S, B, C> JoinedWhere<T, U, S, B, C> {
    /// The key of records of the second stream.
    pub fn equal_to<K, R>(self, selector: R) -> JoinedEqual<T, U, S, R, B, C>
    where
        K: Key,
        S: Fn(&T) -> K,
        R: Fn(&U) -> K + Clone + Send + 'static,
    {
        JoinedEqual {
            streams: self.streams,
            first: self.selector,
            second: selector,
        }
    }
}

/// See [`JoinedStreams`]: both keys are known.
#[must_use = "a stream without a sink does nothing"]
pub struct JoinedEqual<T, U, S, R, B, C> {
    streams: JoinedStreams<T, U, B, C>,
    first: S,
    second: R,
}

impl<T, U, S, R, B, C> JoinedEqual<T, U, S, R, B, C> {
    /// Divides both streams by windows.
    pub fn window<W: WindowAssigner>(self, assigner: W) -> WithWindow<T, U, S, R, W, B, C> {
        WithWindow {
            joined: self,
            assigner,
            lateness: Duration::ZERO,
        }
    }
}

/// A record of one of two streams.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Side<T, U> {
    /// Of the first.
    First(T),
    /// Of the second.
    Second(U),
}

/// See [`JoinedStreams`]: keys and windows are known.
#[must_use = "a stream without a sink does nothing"]
pub struct WithWindow<T, U, S, R, W, B, C> {
    joined: JoinedEqual<T, U, S, R, B, C>,
    assigner: W,
    lateness: Duration,
}

impl<T, U, S, R, W, B, C> WithWindow<T, U, S, R, W, B, C>
where
    T: StateValue,
    U: StateValue,
    W: WindowAssigner,
    B: Chain<T>,
    C: Chain<U>,
{
    /// How long after its end, by the watermark, a window still takes records. With each of them all its pairs come again.
    pub fn allowed_lateness(mut self, lateness: Duration) -> Self {
        self.lateness = lateness;
        self
    }

    /// What `function` makes of every pair of one key and window.
    pub fn apply<K, O, F>(self, function: F) -> DataStream<O, impl Chain<O>>
    where
        K: Key,
        S: Fn(&T) -> K + Clone + Send + 'static,
        R: Fn(&U) -> K + Clone + Send + 'static,
        O: 'static,
        F: FnMut(&T, &U) -> O + Clone + Send + 'static,
    {
        let JoinedEqual {
            streams,
            first,
            second,
        } = self.joined;
        let both = streams
            .first
            .map(Side::First)
            .union(streams.second.map(Side::Second));
        let keyed = both.key_by(move |side: &Side<T, U>| match side {
            Side::First(record) => first(record),
            Side::Second(record) => second(record),
        });
        let windowed = keyed.window(self.assigner).allowed_lateness(self.lateness);
        windowed.aggregate_with(BothSides, Pairs(function)).name("Join")
    }
}

/// Keeps the records of both sides apart.
#[derive(Clone, Copy, Debug)]
struct BothSides;

impl<T: StateValue, U: StateValue> AggregateFunction<Side<T, U>> for BothSides {
    type Accumulator = (Vec<T>, Vec<U>);
    type Out = (Vec<T>, Vec<U>);

    fn create_accumulator(&self) -> Self::Accumulator {
        (Vec::new(), Vec::new())
    }

    #[inline]
    fn add(&self, value: Side<T, U>, (first, second): &mut Self::Accumulator) {
        match value {
            Side::First(record) => push(first, record),
            Side::Second(record) => push(second, record),
        }
    }

    fn get_result(&self, accumulator: Self::Accumulator) -> Self::Out {
        accumulator
    }

    fn merge(&self, (first, second): &mut Self::Accumulator, mut later: Self::Accumulator) {
        first.append(&mut later.0);
        second.append(&mut later.1);
    }
}

/// Many keys have one record on a side: the first gets no more room than it needs.
#[inline]
fn push<T>(records: &mut Vec<T>, record: T) {
    if records.capacity() == 0 {
        records.reserve_exact(1);
    }
    records.push(record);
}

/// Every record of one side with every one of the other.
#[derive(Clone)]
struct Pairs<F>(F);

impl<K, T, U, O, F> ProcessWindowFunction<K, (Vec<T>, Vec<U>)> for Pairs<F>
where
    F: FnMut(&T, &U) -> O + Clone + Send + 'static,
{
    type Out = O;

    fn process(
        &mut self,
        _key: &K,
        _context: &WindowContext,
        (first, second): (Vec<T>, Vec<U>),
        out: &mut impl Collector<O>,
    ) -> Result {
        for one in &first {
            for other in &second {
                out.collect((self.0)(one, other));
            }
        }
        Ok(())
    }
}
