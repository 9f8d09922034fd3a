//! One reporter, as the writer of one thread sees it.

use std::sync::Arc;
use std::time::Duration;

use everspan_trace::otlp::{Attributes, EncodedSpan, EncodedSpans};
use everspan_trace::{LevelFilter, Span, SpanFilter, otlp};

use super::Reporter;
use crate::queue::Piece;
use crate::{Mark, Secured, SpanSink};

/// Buffers kept from push to push; more scopes than this get theirs anew.
const SCOPES_KEPT: usize = 16;

/// What a reporter takes and how, the same for all writers.
#[derive(Debug)]
pub(super) struct Terms {
    filter: SpanFilter,
    level_filter: LevelFilter,
    additional: Attributes,
    takes_all: bool,
    /// By source: up to which record spans were safe at the start.
    recovered: Vec<u64>,
}

/// Where one thread collects the spans of one reporter.
#[derive(Debug)]
pub(super) struct Lane {
    terms: Arc<Terms>,
    sink: SpanSink,
    buffers: Vec<ScopeBuffer>,
    /// Of all buffers together.
    bytes: usize,
    /// The span that was added last, if this reporter took it: in which buffer it stands, and from where on.
    last: Option<(usize, usize)>,
}

/// Encoded spans of one scope.
#[derive(Debug)]
struct ScopeBuffer {
    scope: String,
    encoded: Vec<u8>,
    count: usize,
}

impl Terms {
    pub(super) fn of(reporter: &Reporter) -> Self {
        let mut recovered = Vec::new();
        for mark in reporter.pipeline.recovered() {
            recovered.resize(usize::from(mark.source), 0);
            recovered.push(mark.upto);
        }
        Self {
            takes_all: reporter.filter.takes_all() && reporter.level_filter.takes_all(),
            filter: reporter.filter.clone(),
            level_filter: reporter.level_filter.clone(),
            additional: Attributes::new(&reporter.additional),
            recovered,
        }
    }

    pub(super) fn takes_all(&self) -> bool {
        self.takes_all
    }

    /// Whether a span of this scope and name may be taken.
    pub(super) fn may_take(&self, scope: &str, name: &str) -> bool {
        self.takes_all || (self.filter.takes(scope, name) && self.level_filter.may_take(scope, name))
    }

    /// Whether the spans of this record were safe when the reporter started.
    fn has(&self, record: Option<(u16, u64)>) -> bool {
        record.is_some_and(|(source, seq)| {
            let recovered = self.recovered.get(usize::from(source));
            recovered.is_some_and(|upto| seq <= *upto)
        })
    }

    fn takes_encoded(&self, span: &EncodedSpan<'_>) -> bool {
        if self.takes_all {
            return true;
        }
        let (scope, name) = (span.scope(), span.name());
        let by_attributes = || span.decode().is_some_and(|span| self.level_filter.takes(&span));
        self.filter.takes(scope, name)
            && self
                .level_filter
                .takes_by_name(scope, name)
                .unwrap_or_else(by_attributes)
    }

    fn takes(&self, span: &Span, record: Option<(u16, u64)>) -> bool {
        !self.has(record)
            && (self.takes_all
                || (self.filter.takes(&span.scope, &span.name) && self.level_filter.takes(span)))
    }
}

impl Lane {
    pub(super) fn new(terms: Arc<Terms>, sink: SpanSink) -> Self {
        Self {
            terms,
            sink,
            buffers: Vec::new(),
            bytes: 0,
            last: None,
        }
    }

    /// Adds a span, if the reporter takes it. The bytes are those of one of the lanes `before`, when that one has just
    /// taken the span with the same attributes.
    pub(super) fn add(&mut self, span: &Span, record: Option<(u16, u64)>, before: &[Lane]) {
        self.last = None;
        if !self.terms.takes(span, record) {
            return;
        }
        let index = self.buffer(&span.scope);
        let buffer = &mut self.buffers[index];
        let from = buffer.encoded.len();
        let twin = before
            .iter()
            .filter(|lane| lane.terms.additional == self.terms.additional)
            .find_map(Lane::last);
        match twin {
            Some(encoded) => buffer.encoded.extend_from_slice(encoded),
            None if self.terms.additional.is_empty() => otlp::encode_span(span, &mut buffer.encoded),
            None => otlp::encode_span_with(span, &self.terms.additional, &mut buffer.encoded),
        }
        buffer.count += 1;
        self.bytes += buffer.encoded.len() - from;
        self.last = Some((index, from));
    }

    /// Adds those of the encoded spans that the reporter takes, with what it adds to each.
    pub(super) fn add_encoded(&mut self, spans: &EncodedSpans, record: Option<(u16, u64)>) {
        self.last = None;
        if self.terms.has(record) {
            return;
        }
        let index = self.buffer(spans.scope());
        let buffer = &mut self.buffers[index];
        let from = buffer.encoded.len();
        if self.terms.takes_all && self.terms.additional.is_empty() {
            buffer.encoded.extend_from_slice(spans.bytes());
            buffer.count += spans.count();
        } else {
            for span in spans.each().filter(|span| self.terms.takes_encoded(span)) {
                span.put_with(&self.terms.additional, &mut buffer.encoded);
                buffer.count += 1;
            }
        }
        self.bytes += buffer.encoded.len() - from;
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Hands over what was added.
    pub(super) fn push(&mut self, marks: &[Mark]) {
        if self.bytes == 0 && marks.is_empty() {
            return;
        }
        let pieces = self.buffers.iter().map(|buffer| Piece {
            scope: &buffer.scope,
            encoded: &buffer.encoded,
            count: buffer.count,
        });
        self.sink.push_pieces(pieces, marks);
        self.buffers.truncate(SCOPES_KEPT);
        for buffer in &mut self.buffers {
            buffer.encoded.clear();
            buffer.count = 0;
        }
        self.bytes = 0;
        self.last = None;
    }

    pub(super) fn wait_for_room(&self, timeout: Duration) -> bool {
        self.sink.wait_for_room(timeout)
    }

    pub(super) fn secure_with(&self, secured: &mut Secured) {
        self.sink.secure_with(secured);
    }

    pub(super) fn terms(&self) -> &Terms {
        &self.terms
    }

    fn last(&self) -> Option<&[u8]> {
        let (index, from) = self.last?;
        Some(&self.buffers[index].encoded[from..])
    }

    fn buffer(&mut self, scope: &str) -> usize {
        let index = self.buffers.iter().position(|buffer| buffer.scope == scope);
        index.unwrap_or_else(|| {
            self.buffers.push(ScopeBuffer {
                scope: scope.to_owned(),
                encoded: Vec::new(),
                count: 0,
            });
            self.buffers.len() - 1
        })
    }
}
