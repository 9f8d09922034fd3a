//! The sinks of the jobs: results become visible when a checkpoint that holds them has completed.

use std::sync::Arc;

use everspan_stream::{Result, RuntimeContext, Sink, SinkWriter};

use super::Mutation;
use super::outside::{FileName, Outside};
use super::plan::Out;

/// A sink whose files lie outside of the process.
#[derive(Clone)]
pub(super) struct ToFiles {
    pub(super) outside: Arc<Outside>,
    /// Its uid.
    pub(super) name: String,
}

pub(super) struct Writer {
    sink: ToFiles,
    results: Vec<Out>,
}

impl Sink<Out> for ToFiles {
    type Writer = Writer;

    fn writer(&self, _context: &RuntimeContext) -> Result<Writer> {
        Ok(Writer {
            sink: self.clone(),
            results: Vec::new(),
        })
    }
}

impl SinkWriter<Out> for Writer {
    type Committable = FileName;

    fn write(&mut self, result: Out, _timestamp: Option<i64>) -> Result {
        self.results.push(result);
        Ok(())
    }

    fn prepare_commit(&mut self) -> Result<Vec<FileName>> {
        let outside = &self.sink.outside;
        outside.mishap(outside.settings.failing_sink, "the file cannot be closed")?;
        if self.results.is_empty() {
            return Ok(Vec::new());
        }
        let file = outside.prepare(std::mem::take(&mut self.results));
        if outside.settings.mutation == Some(Mutation::CommitsAtTheBarrier) {
            outside.commit(&self.sink.name, file);
        }
        Ok(vec![file])
    }

    fn commit(&mut self, prepared: Vec<FileName>) -> Result {
        let outside = &self.sink.outside;
        for file in prepared {
            outside.mishap(outside.settings.failing_sink, "the file cannot be renamed")?;
            outside.commit(&self.sink.name, file);
        }
        Ok(())
    }
}
