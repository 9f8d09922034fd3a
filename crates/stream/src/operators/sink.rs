//! The end of a stream: records go to a sink's writer.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::sink::{Sink, SinkWriter};
use crate::data::Data;
use crate::failure::Result;
use crate::graph::{Operator, OperatorOptions, OwnState, Setup, StageFactory, TaskDescription};
use crate::panicked::Blamed;
use crate::runtime_context::RuntimeContext;
use crate::stage::{Signal, Stage};
use crate::task::snapshot::{BarrierPass, OperatorState, decoded, encoded};
use crate::task::{NO_TIMESTAMP, TaskContext};

/// A sink, at the end of a chain.
pub(crate) struct ToSink<S> {
    pub(crate) sink: S,
    pub(crate) operator: Operator,
}

impl<T: 'static, S: Sink<T>> StageFactory<T> for ToSink<S> {
    type Stage = Blamed<SinkStage<S, S::Writer, <S::Writer as SinkWriter<T>>::Committable>>;

    fn make(&self, setup: &mut Setup<'_>) -> Self::Stage {
        let stage = SinkStage {
            sink: self.sink.clone(),
            context: setup.runtime_context(&self.operator),
            uid: self.operator.uid.clone(),
            restored: setup.restored(&self.operator),
            commits_at_end: !setup.is_checkpointed(),
            writer: None,
            prepared: BTreeMap::new(),
        };
        Blamed::new(&self.operator, stage)
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
pub(crate) struct SinkStage<S, W, C> {
    sink: S,
    context: RuntimeContext,
    uid: Arc<str>,
    /// What a checkpoint holds; taken when the sink opens.
    restored: Option<OwnState>,
    /// Without checkpoints there is no other time to commit.
    commits_at_end: bool,
    /// Made when the chain is opened.
    writer: Option<W>,
    /// What awaits the completion of a checkpoint.
    prepared: BTreeMap<u64, Vec<C>>,
}

impl<S, W, C> SinkStage<S, W, C>
where
    C: Data + Clone,
{
    fn writer<T>(&mut self) -> &mut W
    where
        W: SinkWriter<T, Committable = C>,
    {
        self.writer.as_mut().expect("a chain is opened first")
    }

    /// Makes the writer. What a completed checkpoint holds is committed, perhaps for the second time.
    fn open<T>(&mut self) -> Result
    where
        S: Sink<T, Writer = W>,
        W: SinkWriter<T, Committable = C>,
    {
        let mut writer = self.sink.writer(&self.context)?;
        if let Some(own) = self.restored.take() {
            writer.commit(decoded(&own.list)?)?;
        }
        self.writer = Some(writer);
        Ok(())
    }

    fn barrier<T>(&mut self, pass: &mut BarrierPass) -> Result
    where
        W: SinkWriter<T, Committable = C>,
    {
        let prepared = self.writer().prepare_commit()?;
        if !prepared.is_empty() {
            self.prepared.insert(pass.barrier.checkpoint, prepared);
        }
        let waiting: Vec<C> = self.prepared.values().flatten().cloned().collect();
        pass.parts.push(OperatorState {
            uid: self.uid.clone(),
            list: encoded(&waiting),
            keyed: None,
        });
        Ok(())
    }

    /// A checkpoint holds all that was prepared up to its barrier.
    fn completed<T>(&mut self, checkpoint: u64) -> Result
    where
        W: SinkWriter<T, Committable = C>,
    {
        let later = self.prepared.split_off(&(checkpoint + 1));
        let ready = std::mem::replace(&mut self.prepared, later);
        if ready.is_empty() {
            return Ok(());
        }
        self.writer().commit(ready.into_values().flatten().collect())
    }

    fn end<T>(&mut self) -> Result
    where
        W: SinkWriter<T, Committable = C>,
    {
        if self.commits_at_end {
            let prepared = self.writer().prepare_commit()?;
            self.writer().commit(prepared)?;
        }
        Ok(())
    }
}

impl<T, S, W, C> Stage<T> for SinkStage<S, W, C>
where
    S: Sink<T, Writer = W>,
    W: SinkWriter<T, Committable = C>,
    C: Data + Clone,
{
    #[inline(always)]
    fn record(&mut self, record: T, task: &mut TaskContext) {
        if task.has_failed() {
            return;
        }
        let timestamp = (task.timestamp != NO_TIMESTAMP).then_some(task.timestamp);
        if let Err(error) = self.writer().write(record, timestamp) {
            task.fail(self.context.operator(), error);
        }
    }

    fn signal(&mut self, signal: &mut Signal<'_>, task: &mut TaskContext) {
        let done = match signal {
            Signal::Open => self.open::<T>(),
            Signal::Barrier(pass) => self.barrier::<T>(pass),
            Signal::Completed(checkpoint) => self.completed::<T>(*checkpoint),
            Signal::End => self.end::<T>(),
            Signal::Close => self.writer.as_mut().map_or(Ok(()), SinkWriter::<T>::close),
            _ => Ok(()),
        };
        if let Err(error) = done {
            task.fail(self.context.operator(), error);
        }
    }
}
