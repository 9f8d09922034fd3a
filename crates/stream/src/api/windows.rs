//! Which windows there are.

use std::time::Duration;

use super::watermark::millis;
use crate::operators::window::Slices;

/// A stretch of time: `start` is in it, `end` is not; ms since the Unix epoch. (Flink's `TimeWindow`.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeWindow {
    /// The first moment of the window.
    pub start: i64,
    /// The first moment after it.
    pub end: i64,
}

impl TimeWindow {
    /// The last moment of the window, which is the time of its results.
    pub fn max_timestamp(&self) -> i64 {
        self.end - 1
    }
}

/// Says which windows a record is in.
pub trait WindowAssigner: Clone + Send + 'static {
    /// The windows, and what they are made of.
    fn slices(&self) -> Slices;
}

/// Windows of one length, one behind the other.
#[derive(Clone, Copy, Debug)]
pub struct TumblingEventTimeWindows(Slices);

impl TumblingEventTimeWindows {
    /// Windows of this length, the first of which begins with the Unix epoch.
    ///
    /// # Panics
    ///
    /// When it is shorter than 1 ms.
    pub fn of(size: Duration) -> Self {
        Self::with_offset(size, Duration::ZERO)
    }

    /// Windows that begin `offset` later, such as those of days in another time zone.
    ///
    /// # Panics
    ///
    /// As [`of`](Self::of).
    pub fn with_offset(size: Duration, offset: Duration) -> Self {
        Self(Slices::new(millis(size), millis(size), millis(offset)))
    }
}

impl WindowAssigner for TumblingEventTimeWindows {
    fn slices(&self) -> Slices {
        self.0
    }
}

/// Windows of one length, of which one begins every `slide`.
#[derive(Clone, Copy, Debug)]
pub struct SlidingEventTimeWindows(Slices);

impl SlidingEventTimeWindows {
    /// Windows of `size`, one every `slide`.
    ///
    /// # Panics
    ///
    /// When one of them is shorter than 1 ms.
    pub fn of(size: Duration, slide: Duration) -> Self {
        Self::with_offset(size, slide, Duration::ZERO)
    }

    /// Windows that begin `offset` later.
    ///
    /// # Panics
    ///
    /// As [`of`](Self::of).
    pub fn with_offset(size: Duration, slide: Duration, offset: Duration) -> Self {
        Self(Slices::new(millis(size), millis(slide), millis(offset)))
    }
}

impl WindowAssigner for SlidingEventTimeWindows {
    fn slices(&self) -> Slices {
        self.0
    }
}

/// Windows of one length by the clock of the machine. What is in one when the input ends comes out then.
#[derive(Clone, Copy, Debug)]
pub struct TumblingProcessingTimeWindows(Slices);

impl TumblingProcessingTimeWindows {
    /// Windows of this length, the first of which begins with the Unix epoch.
    ///
    /// # Panics
    ///
    /// When it is shorter than 1 ms.
    pub fn of(size: Duration) -> Self {
        Self(Slices::new(millis(size), millis(size), 0).by_processing_time())
    }
}

impl WindowAssigner for TumblingProcessingTimeWindows {
    fn slices(&self) -> Slices {
        self.0
    }
}

/// Windows of one length by the clock of the machine, of which one begins every `slide`.
#[derive(Clone, Copy, Debug)]
pub struct SlidingProcessingTimeWindows(Slices);

impl SlidingProcessingTimeWindows {
    /// Windows of `size`, one every `slide`.
    ///
    /// # Panics
    ///
    /// When one of them is shorter than 1 ms.
    pub fn of(size: Duration, slide: Duration) -> Self {
        Self(Slices::new(millis(size), millis(slide), 0).by_processing_time())
    }
}

impl WindowAssigner for SlidingProcessingTimeWindows {
    fn slices(&self) -> Slices {
        self.0
    }
}
