//! Stream jobs: dataflow with keyed state and exactly-once checkpoints, in one process, for people who know Flink's
//! DataStream API.
//!
//! ```
//! use everspan_stream::StreamExecutionEnvironment;
//!
//! let env = StreamExecutionEnvironment::new();
//! let words = env
//!     .from_collection(["to be or not to be".to_owned()])
//!     .flat_map(|line| line.split(' ').map(str::to_owned).collect::<Vec<_>>())
//!     .key_by(String::clone)
//!     .map_with_state("count", |_word, count: &mut u64, word| {
//!         *count += 1;
//!         (word, *count)
//!     })
//!     .collect();
//! env.execute("word count")?;
//! assert!(words.take().contains(&("be".to_owned(), 2)));
//! # Ok::<(), everspan_stream::JobError>(())
//! ```
//!
//! A job's subtasks are threads; what they run is a chain of operators that is one type, so a record passes from
//! operator to operator in inlined calls. This crate must not know invocations.

mod api;
mod collector;
mod config;
mod connectors;
mod data;
mod exchange;
mod failure;
mod graph;
mod http;
mod keyed;
mod operators;
mod panicked;
mod program;
mod runtime;
mod runtime_context;
mod short_text;
mod stage;
pub mod task;

pub use api::environment::StreamExecutionEnvironment;
pub use api::functions::{FlatMapFunction, KeyedProcessFunction, MapFunction};
pub use api::joined_streams::{JoinedEqual, JoinedStreams, JoinedWhere, Side, WithWindow};
pub use api::keyed_stream::KeyedStream;
pub use api::output_tag::OutputTag;
pub use api::sink::{Sink, SinkWriter};
pub use api::source::{Progress, Source, SourceReader};
pub use api::stream::DataStream;
pub use api::watermark::{
    BoundedOutOfOrderness, NoWatermarks, RecordTimestamps, TimestampAssigner, WatermarkGenerator,
    WatermarkStrategy,
};
pub use api::window_functions::{AggregateFunction, ProcessWindowFunction, WindowContext};
pub use api::windowed_stream::WindowedStream;
pub use api::windows::{
    SlidingEventTimeWindows, SlidingProcessingTimeWindows, TimeWindow, TumblingEventTimeWindows,
    TumblingProcessingTimeWindows, WindowAssigner,
};
pub use collector::Collector;
pub use config::{ConfigError, Configuration, Layers, Origin, ReporterParameters, ReporterSet};
pub use connectors::collect::Collected;
pub use connectors::discard::DiscardingSink;
pub use connectors::file_sink::{FileSink, FileWriter, PendingFile};
pub use connectors::file_source::{FileSource, FileSplit, TextLineReader};
pub use connectors::generator::GeneratorSource;
pub use connectors::print::PrintSink;
pub use data::{Data, Key, StateValue};
pub use everspan_trace::{MetricGroup, Span};
pub use exchange::{Level, Partitioner, Pressure};
pub use failure::{BoxError, Failure, Result, SuppressRestarts};
pub use graph::{
    Chain, EdgeId, GateId, Graph, Operator, OperatorOptions, OwnState, Setup, StageFactory, TaskDescription,
};
pub use keyed::{
    AggregatingState, AggregatingStateDescriptor, KeyedContext, KeyedOpenContext, ListState, MapState,
    OnTimerContext, ReducingState, ReducingStateDescriptor, TimeDomain, TimerService, ValueState,
    ValueStateDescriptor,
};
pub use operators::OperatorFactory;
pub use operators::window::Slices;
pub use program::{JobProgram, Parameters, ProgramError};
pub use runtime::error::JobError;
pub use runtime::handle::{JobControl, JobHandle};
pub use runtime::options::{CheckpointingMode, JobOptions, Start};
pub use runtime::restart::RestartStrategy;
pub use runtime::state_options::{StateBackend, StateOptions};
pub use runtime::stepped::{GivenStores, Move, SteppedJob};
pub use runtime::{JobExecutionResult, JobState, JobStatus, SubtaskStatus, TaskStatus};
pub use runtime_context::RuntimeContext;
pub use short_text::ShortText;
pub use stage::{Signal, Stage};
