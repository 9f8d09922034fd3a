//! Spans that travel together.

use crate::Mark;
use crate::marks::Marks;

/// Encoded spans per scope, and how far the records behind them reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    number: u64,
    scopes: Vec<(String, Vec<u8>)>,
    spans: usize,
    bytes: usize,
    marks: Marks,
}

impl Batch {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty one with this number.
    pub(crate) fn numbered(number: u64) -> Self {
        Self {
            number,
            ..Self::default()
        }
    }

    /// Which of its pipeline's batches it is: from 1, also across restarts; 0 outside of a pipeline.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Per scope its name and its spans: a concatenation of what `everspan_trace::otlp::encode_span` wrote.
    pub fn scopes(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.scopes
            .iter()
            .map(|(scope, encoded)| (scope.as_str(), encoded.as_slice()))
    }

    /// How many spans.
    pub fn spans(&self) -> usize {
        self.spans
    }

    /// How many bytes the encoded spans have.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Up to where this batch, and those before it, hold all spans: sorted by source, one mark each.
    pub fn marks(&self) -> &[Mark] {
        self.marks.as_slice()
    }

    /// Appends `count` encoded spans of one scope.
    pub fn push(&mut self, scope: &str, encoded: &[u8], count: usize) {
        self.push_with(scope, encoded, count, Vec::new);
    }

    /// As [`push`](Batch::push); a new scope gets its buffer from `spare`.
    pub(crate) fn push_with(
        &mut self,
        scope: &str,
        encoded: &[u8],
        count: usize,
        spare: impl FnOnce() -> Vec<u8>,
    ) {
        self.spans += count;
        self.bytes += encoded.len();
        if let Some((_, buffer)) = self.scopes.iter_mut().find(|(name, _)| name == scope) {
            buffer.extend_from_slice(encoded);
        } else {
            let mut buffer = spare();
            buffer.extend_from_slice(encoded);
            self.scopes.push((scope.to_owned(), buffer));
        }
    }

    /// As [`push`](Batch::push), without a copy of a scope's first spans.
    pub(crate) fn push_owned(&mut self, scope: String, encoded: Vec<u8>, count: usize) {
        if self.scopes.iter().any(|(name, _)| *name == scope) {
            return self.push(&scope, &encoded, count);
        }
        self.spans += count;
        self.bytes += encoded.len();
        self.scopes.push((scope, encoded));
    }

    /// Takes over a mark, unless it knows a higher one.
    pub(crate) fn mark(&mut self, mark: Mark) {
        self.marks.raise(mark);
    }

    /// The buffers, for the next batch.
    pub(crate) fn into_buffers(self) -> impl Iterator<Item = Vec<u8>> {
        self.scopes.into_iter().map(|(_, buffer)| buffer)
    }
}
