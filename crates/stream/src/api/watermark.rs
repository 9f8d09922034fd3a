//! How a program says what time a record has, and how late others may come.

use std::time::Duration;

/// Watches the records of one subtask and says how far time has come.
///
/// A watermark *t* promises that no record with a time of *t* or before comes any more.
pub trait WatermarkGenerator<T>: Clone + Send + 'static {
    /// A record with its time, ms since the Unix epoch. A watermark that is returned leaves at once, behind the record.
    fn on_event(&mut self, event: &T, timestamp: i64) -> Option<i64>;

    /// Asked every `pipeline.auto-watermark-interval`: the watermark as it is now.
    fn on_periodic_emit(&mut self) -> Option<i64>;
}

/// Records come at most so much later than later ones.
#[derive(Clone, Debug)]
pub struct BoundedOutOfOrderness {
    /// How much, in ms.
    bound_ms: i64,
    /// The latest time seen.
    latest: Option<i64>,
}

impl BoundedOutOfOrderness {
    fn new(bound: Duration) -> Self {
        Self {
            bound_ms: millis(bound),
            latest: None,
        }
    }
}

impl<T> WatermarkGenerator<T> for BoundedOutOfOrderness {
    #[inline]
    fn on_event(&mut self, _event: &T, timestamp: i64) -> Option<i64> {
        self.latest = Some(self.latest.map_or(timestamp, |latest| latest.max(timestamp)));
        None
    }

    fn on_periodic_emit(&mut self) -> Option<i64> {
        // Another record of the very same time may come.
        self.latest
            .map(|latest| latest.saturating_sub(self.bound_ms).saturating_sub(1))
    }
}

/// Watermarks are made elsewhere, or not needed.
#[derive(Clone, Copy, Debug)]
pub struct NoWatermarks;

impl<T> WatermarkGenerator<T> for NoWatermarks {
    #[inline]
    fn on_event(&mut self, _event: &T, _timestamp: i64) -> Option<i64> {
        None
    }

    fn on_periodic_emit(&mut self) -> Option<i64> {
        None
    }
}

/// Says what time a record has, ms since the Unix epoch. Closures `Fn(&T, i64) -> i64` are ones: they get the time that
/// the record has already, or [`NO_TIMESTAMP`](crate::task::NO_TIMESTAMP).
pub trait TimestampAssigner<T>: Clone + Send + 'static {
    /// The time of `event`.
    fn extract_timestamp(&self, event: &T, record_timestamp: i64) -> i64;
}

/// Keeps the time that the source gave.
#[derive(Clone, Copy, Debug)]
pub struct RecordTimestamps;

impl<T> TimestampAssigner<T> for RecordTimestamps {
    #[inline]
    fn extract_timestamp(&self, _event: &T, record_timestamp: i64) -> i64 {
        record_timestamp
    }
}

impl<T, F: Fn(&T, i64) -> i64 + Clone + Send + 'static> TimestampAssigner<T> for F {
    #[inline]
    fn extract_timestamp(&self, event: &T, record_timestamp: i64) -> i64 {
        self(event, record_timestamp)
    }
}

/// What time records have, how far time has come, and when a silent stream does not count. (Flink's
/// `WatermarkStrategy`.)
///
/// ```
/// use std::time::Duration;
///
/// use everspan_stream::{StreamExecutionEnvironment, WatermarkStrategy};
///
/// let env = StreamExecutionEnvironment::new();
/// let readings = env.from_collection([(1_000, "a"), (3_000, "b"), (2_000, "c")]);
/// let timed = readings.assign_timestamps_and_watermarks(
///     WatermarkStrategy::for_bounded_out_of_orderness(Duration::from_secs(5))
///         .with_timestamp_assigner(|reading: &(i64, &str), _| reading.0)
///         .with_idleness(Duration::from_secs(60)),
/// );
/// # timed.collect();
/// ```
#[derive(Clone, Debug)]
pub struct WatermarkStrategy<G, A = RecordTimestamps> {
    pub(crate) generator: G,
    pub(crate) assigner: A,
    pub(crate) idle_after_ms: Option<i64>,
}

impl WatermarkStrategy<BoundedOutOfOrderness> {
    /// In each subtask times never go back.
    pub fn for_monotonous_timestamps() -> Self {
        Self::for_bounded_out_of_orderness(Duration::ZERO)
    }

    /// A record comes at most `bound` later than one of a later time.
    pub fn for_bounded_out_of_orderness(bound: Duration) -> Self {
        Self::for_generator(BoundedOutOfOrderness::new(bound))
    }
}

impl WatermarkStrategy<NoWatermarks> {
    /// Records get their time; no watermark comes before the end of the input.
    pub fn no_watermarks() -> Self {
        Self::for_generator(NoWatermarks)
    }
}

impl<G> WatermarkStrategy<G> {
    /// A generator of the program's own.
    pub fn for_generator(generator: G) -> Self {
        Self {
            generator,
            assigner: RecordTimestamps,
            idle_after_ms: None,
        }
    }
}

impl<G, A> WatermarkStrategy<G, A> {
    /// What time a record has; without it, records keep the time that their source gave.
    #[must_use]
    pub fn with_timestamp_assigner<T, F>(self, assigner: F) -> WatermarkStrategy<G, F>
    where
        F: Fn(&T, i64) -> i64 + Clone + Send + 'static,
    {
        WatermarkStrategy {
            generator: self.generator,
            assigner,
            idle_after_ms: self.idle_after_ms,
        }
    }

    /// A subtask without records for so long is idle: others do not wait for its watermark until its next record.
    #[must_use]
    pub fn with_idleness(mut self, after: Duration) -> Self {
        assert!(!after.is_zero(), "a subtask is idle after some time, not at once");
        self.idle_after_ms = Some(millis(after));
        self
    }
}

/// A duration as times are counted; the longest is about as long as time.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
