//! The end of a stream: records go to a sink's writer.

use crate::api::sink::{Sink, SinkWriter};
use crate::graph::{Operator, OperatorOptions, Setup, StageFactory, TaskDescription};
use crate::runtime_context::RuntimeContext;
use crate::stage::{Signal, Stage};
use crate::task::{NO_TIMESTAMP, TaskContext};

/// A sink, at the end of a chain.
pub(crate) struct ToSink<S> {
    pub(crate) sink: S,
    pub(crate) operator: Operator,
}

impl<T: 'static, S: Sink<T>> StageFactory<T> for ToSink<S> {
    type Stage = SinkStage<S, S::Writer>;

    fn make(&self, setup: &mut Setup<'_>) -> Self::Stage {
        SinkStage {
            sink: self.sink.clone(),
            context: setup.runtime_context(&self.operator),
            writer: None,
        }
    }

    fn describe(&self, task: &mut TaskDescription) {
        task.operator(&self.operator);
    }
}

/// What sinks are called when the program gives no name.
pub(crate) fn options() -> OperatorOptions {
    OperatorOptions::named("Sink")
}

/// See [`ToSink`].
pub(crate) struct SinkStage<S, W> {
    sink: S,
    context: RuntimeContext,
    /// Made when the chain is opened.
    writer: Option<W>,
}

impl<T, S: Sink<T, Writer = W>, W: SinkWriter<T>> Stage<T> for SinkStage<S, W> {
    #[inline]
    fn record(&mut self, record: T, task: &mut TaskContext) {
        if task.has_failed() {
            return;
        }
        let writer = self
            .writer
            .as_mut()
            .expect("a chain is opened before its first record");
        let timestamp = (task.timestamp != NO_TIMESTAMP).then_some(task.timestamp);
        if let Err(error) = writer.write(record, timestamp) {
            task.fail(self.context.operator_name(), error);
        }
    }

    fn signal(&mut self, signal: &mut Signal<'_>, task: &mut TaskContext) {
        let done = match (signal, &mut self.writer) {
            (Signal::Open, writer) => self.sink.writer(&self.context).map(|made| *writer = Some(made)),
            (Signal::Close, Some(writer)) => writer.close(),
            _ => Ok(()),
        };
        if let Err(error) = done {
            task.fail(self.context.operator_name(), error);
        }
    }
}
