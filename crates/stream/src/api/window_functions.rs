//! What is done with the records of a window.

use std::marker::PhantomData;

use super::windows::TimeWindow;
use crate::collector::Collector;
use crate::data::StateValue;
use crate::failure::Result;
use crate::runtime_context::RuntimeContext;

/// Makes one value of the records of a window, record by record. (Flink's `AggregateFunction`.)
pub trait AggregateFunction<T>: Clone + Send + 'static {
    /// What it keeps.
    type Accumulator: StateValue;
    /// What comes out.
    type Out;

    /// The accumulator of no record.
    fn create_accumulator(&self) -> Self::Accumulator;

    /// Adds a record.
    fn add(&self, value: T, accumulator: &mut Self::Accumulator);

    /// What comes out of the records that were added.
    fn get_result(&self, accumulator: Self::Accumulator) -> Self::Out;

    /// Adds the records of another accumulator, which came later: windows that overlap share their parts.
    fn merge(&self, accumulator: &mut Self::Accumulator, later: Self::Accumulator);
}

/// Gets what a window holds when it is due. (Flink's `ProcessWindowFunction`.)
pub trait ProcessWindowFunction<K, In>: Clone + Send + 'static {
    /// What comes out.
    type Out;

    /// Before the first record.
    ///
    /// # Errors
    ///
    /// The subtask fails.
    fn open(&mut self, _context: &RuntimeContext) -> Result {
        Ok(())
    }

    /// A window of one key is due, or due again because a late record came. `elements` are its records, or what an
    /// [`AggregateFunction`] made of them.
    ///
    /// # Errors
    ///
    /// The subtask fails, and the job restarts from its newest checkpoint.
    fn process(
        &mut self,
        key: &K,
        context: &WindowContext,
        elements: In,
        out: &mut impl Collector<Self::Out>,
    ) -> Result;

    /// After the last record.
    ///
    /// # Errors
    ///
    /// The subtask fails.
    fn close(&mut self) -> Result {
        Ok(())
    }
}

/// What a window function sees beside the records. Times are ms since the Unix epoch.
#[derive(Clone, Copy, Debug)]
pub struct WindowContext {
    pub(crate) window: TimeWindow,
    pub(crate) watermark: i64,
    pub(crate) now_ms: i64,
}

impl WindowContext {
    /// The window.
    pub fn window(&self) -> TimeWindow {
        self.window
    }

    /// No record with an earlier or equal time comes any more.
    pub fn current_watermark(&self) -> i64 {
        self.watermark
    }

    /// The machine's clock.
    pub fn current_processing_time(&self) -> i64 {
        self.now_ms
    }
}

/// The records themselves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elements;

impl<T: StateValue> AggregateFunction<T> for Elements {
    type Accumulator = Vec<T>;
    type Out = Vec<T>;

    fn create_accumulator(&self) -> Vec<T> {
        Vec::new()
    }

    fn add(&self, value: T, accumulator: &mut Vec<T>) {
        accumulator.push(value);
    }

    fn get_result(&self, accumulator: Vec<T>) -> Vec<T> {
        accumulator
    }

    fn merge(&self, accumulator: &mut Vec<T>, mut later: Vec<T>) {
        accumulator.append(&mut later);
    }
}

/// Two records become one.
#[derive(Clone)]
pub(crate) struct Reducing<T, F> {
    function: F,
    records: PhantomData<fn() -> T>,
}

impl<T, F> Reducing<T, F> {
    pub(crate) fn new(function: F) -> Self {
        Self {
            function,
            records: PhantomData,
        }
    }
}

impl<T: StateValue, F: Fn(T, T) -> T + Clone + Send + 'static> AggregateFunction<T> for Reducing<T, F> {
    type Accumulator = Option<T>;
    type Out = T;

    fn create_accumulator(&self) -> Option<T> {
        None
    }

    #[inline]
    fn add(&self, value: T, accumulator: &mut Option<T>) {
        *accumulator = Some(match accumulator.take() {
            Some(earlier) => (self.function)(earlier, value),
            None => value,
        });
    }

    fn get_result(&self, accumulator: Option<T>) -> T {
        accumulator.expect("a window without records does not come")
    }

    fn merge(&self, accumulator: &mut Option<T>, later: Option<T>) {
        if let Some(later) = later {
            self.add(later, accumulator);
        }
    }
}

/// What was made of the records comes out as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AsItIs;

impl<K, In> ProcessWindowFunction<K, In> for AsItIs {
    type Out = In;

    fn process(
        &mut self,
        _key: &K,
        _context: &WindowContext,
        elements: In,
        out: &mut impl Collector<In>,
    ) -> Result {
        out.collect(elements);
        Ok(())
    }
}
