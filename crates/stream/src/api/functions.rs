//! Functions of user code that are more than a closure: with a start, an end, a place in the job, and state.
//!
//! A function is cloned for every subtask and every run; what it keeps outside of state is lost at a restart.
//!
//! Any of them may report spans of its own. What Flink's document shows as
//! `metricGroup.addSpan(Span.builder(MyClass.class, "SomeAction") …)` is here:
//!
//! ```
//! use everspan_stream::{MapFunction, MetricGroup, Result, RuntimeContext, Span};
//!
//! #[derive(Clone, Default)]
//! struct MyClass {
//!     metric_group: Option<MetricGroup>,
//! }
//!
//! impl MapFunction<u64> for MyClass {
//!     type Out = u64;
//!
//!     fn open(&mut self, context: &RuntimeContext) -> Result {
//!         self.metric_group = Some(context.metric_group().clone());
//!         Ok(())
//!     }
//!
//!     fn map(&mut self, number: u64) -> Result<u64> {
//!         let (start_ts, end_ts) = (number, number + 1);
//!         // (...)
//!         if let Some(metric_group) = &self.metric_group {
//!             metric_group.add_span(
//!                 Span::builder("my::MyClass", "SomeAction")
//!                     .start_ts_millis(start_ts) // Optional
//!                     .end_ts_millis(end_ts) // Optional
//!                     .attribute("foo", "bar"),
//!             );
//!         }
//!         Ok(number)
//!     }
//! }
//! # let env = everspan_stream::StreamExecutionEnvironment::new();
//! # let seen = env.from_sequence(1, 3).map_with(MyClass::default()).collect();
//! # env.execute("my job").unwrap();
//! # assert_eq!(seen.take(), [1, 2, 3]);
//! ```
//!
//! Every such span tells `host`, `job_id`, `job_name`, `task_name`, `subtask_index` and `operator_name` besides.

use crate::collector::Collector;
use crate::failure::Result;
use crate::keyed::{KeyedContext, KeyedOpenContext, OnTimerContext};
use crate::runtime_context::RuntimeContext;

/// One record in, one out.
pub trait MapFunction<T>: Clone + Send + 'static {
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

    /// One record.
    ///
    /// # Errors
    ///
    /// The subtask fails, and the job restarts from its newest checkpoint.
    fn map(&mut self, value: T) -> Result<Self::Out>;

    /// After the last record.
    ///
    /// # Errors
    ///
    /// The subtask fails.
    fn close(&mut self) -> Result {
        Ok(())
    }
}

/// One record in, any number out.
pub trait FlatMapFunction<T>: Clone + Send + 'static {
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

    /// One record.
    ///
    /// # Errors
    ///
    /// The subtask fails, and the job restarts from its newest checkpoint.
    fn flat_map(&mut self, value: T, out: &mut impl Collector<Self::Out>) -> Result;

    /// After the last record.
    ///
    /// # Errors
    ///
    /// The subtask fails.
    fn close(&mut self) -> Result {
        Ok(())
    }
}

/// One record of a keyed stream in, any number out, with state for each key.
///
/// ```
/// use everspan_stream::{
///     Collector, KeyedContext, KeyedOpenContext, KeyedProcessFunction, Result, ValueState, ValueStateDescriptor,
/// };
///
/// /// Adds up what came for each key.
/// #[derive(Clone, Default)]
/// struct Sum {
///     total: ValueState<u64>,
/// }
///
/// impl KeyedProcessFunction<String, (String, u64)> for Sum {
///     type Out = (String, u64);
///
///     fn open(&mut self, ctx: &mut KeyedOpenContext<'_, String>) -> Result {
///         self.total = ctx.get_state(ValueStateDescriptor::new("total"))?;
///         Ok(())
///     }
///
///     fn process_element(
///         &mut self,
///         (key, amount): (String, u64),
///         ctx: &mut KeyedContext<'_, String>,
///         out: &mut impl Collector<(String, u64)>,
///     ) -> Result {
///         let total = self.total.value(ctx)?.unwrap_or(0) + amount;
///         self.total.update(ctx, total)?;
///         out.collect((key, total));
///         Ok(())
///     }
/// }
/// ```
pub trait KeyedProcessFunction<K, T>: Clone + Send + 'static {
    /// What comes out.
    type Out;

    /// Before the first record: the place to make state.
    ///
    /// # Errors
    ///
    /// The subtask fails.
    fn open(&mut self, _ctx: &mut KeyedOpenContext<'_, K>) -> Result {
        Ok(())
    }

    /// One record.
    ///
    /// # Errors
    ///
    /// The subtask fails, and the job restarts from its newest checkpoint.
    fn process_element(
        &mut self,
        value: T,
        ctx: &mut KeyedContext<'_, K>,
        out: &mut impl Collector<Self::Out>,
    ) -> Result;

    /// A timer that was registered for the context's key has come. Timers of one key come in the order of their times.
    ///
    /// # Errors
    ///
    /// The subtask fails, and the job restarts from its newest checkpoint.
    fn on_timer(
        &mut self,
        _timestamp: i64,
        _ctx: &mut OnTimerContext<'_, K>,
        _out: &mut impl Collector<Self::Out>,
    ) -> Result {
        Ok(())
    }

    /// After the last record.
    ///
    /// # Errors
    ///
    /// The subtask fails.
    fn close(&mut self) -> Result {
        Ok(())
    }
}
