//! Writes the spans of a record, from parts that are at hand: no span is built in between, and what spans have in
//! common is encoded once.

use std::mem;

use everspan_protocol::ids::InvocationId;
use everspan_trace::catalog::attr::result;
use everspan_trace::catalog::{self, INVOCATION_SCOPE, attr};
use everspan_trace::otlp::{AttributeEncoder, EncodedSpans};

use super::event_list::EventList;
use super::labels::{Frame, Labels};
use super::text::{MESSAGE_MAX, cut};
use crate::invocation::{Invocation, TimeSpent};
use crate::record::Outcome;

/// Buffers kept for the spans of later records, of those that came back.
const SPARE_MAX: usize = 64;
/// Larger ones are not kept.
const SPARE_BYTES_MAX: usize = 16 * 1024;

/// The spans told by the record that is applied, and what the next one is made with.
pub(in crate::machine) struct Teller {
    pub(super) labels: Labels,
    pub(super) told: EncodedSpans,
    pub(super) events: EventList,
    /// The one used last comes first: the processor still has it at hand.
    spare: Vec<Vec<u8>>,
}

impl Default for Teller {
    fn default() -> Self {
        Self {
            labels: Labels::default(),
            told: EncodedSpans::new(INVOCATION_SCOPE),
            events: EventList::default(),
            spare: Vec::new(),
        }
    }
}

impl Teller {
    /// What was told since the last time, if anything was.
    pub(in crate::machine) fn take(&mut self) -> Option<EncodedSpans> {
        if self.told.is_empty() {
            return None;
        }
        let spare = self.spare.pop().unwrap_or_default();
        let next = EncodedSpans::reusing(INVOCATION_SCOPE, spare);
        Some(mem::replace(&mut self.told, next))
    }

    /// Takes back the memory of spans that have left.
    pub(in crate::machine) fn reuse(&mut self, spans: EncodedSpans) {
        let buffer = spans.into_buffer();
        if self.spare.len() < SPARE_MAX && buffer.capacity() <= SPARE_BYTES_MAX {
            self.spare.push(buffer);
        }
    }

    /// An invocation's id as text; most often it stands on the newest span.
    pub(in crate::machine) fn id_text(&self, id: &InvocationId) -> String {
        self.labels
            .known_text(id)
            .map_or_else(|| id.to_string(), str::to_owned)
    }

    /// From the creation to the first attempt, or to an end without one.
    pub(super) fn start(&mut self, id: &InvocationId, invocation: &Invocation, ended_ns: u64) {
        let origin = &invocation.trace;
        let frame = Frame {
            context: invocation.start_span(id),
            parent: origin.joins.then_some(origin.cause.span_id),
            parent_is_remote: false,
            start_ns: invocation.created_ns,
            end_ns: ended_ns,
        };
        let of = (id, &invocation.target);
        let mut span = self.labels.begin(of, &catalog::START, &frame, &mut self.told);
        if !origin.joins {
            span.link(&origin.cause);
        }
        span.finish();
    }

    /// The end of the invocation, at this moment; so many of its oldest attempts are not told.
    pub(super) fn end(
        &mut self,
        id: &InvocationId,
        invocation: &Invocation,
        outcome: &Outcome,
        now_ns: u64,
        attempts_dropped: u32,
    ) {
        let frame = Frame {
            context: invocation.end_span(id),
            parent: Some(invocation.start_span(id).span_id),
            parent_is_remote: false,
            start_ns: now_ns,
            end_ns: now_ns,
        };
        let of = (id, &invocation.target);
        let mut span = self.labels.begin(of, &catalog::END, &frame, &mut self.told);
        let mut attributes = span.attributes();
        put_durations(&invocation.time_spent(now_ns), &mut attributes);
        put_result(outcome, &mut attributes);
        if attempts_dropped > 0 {
            attributes.int(&attr::ATTEMPTS_DROPPED, attempts_dropped);
        }
        match outcome {
            Outcome::Success(_) => span.ok(),
            Outcome::Failure(failure) => span.error(&cut(&failure.message, MESSAGE_MAX)),
        }
        span.finish();
    }
}

fn put_result(outcome: &Outcome, attributes: &mut AttributeEncoder<'_>) {
    match outcome {
        Outcome::Success(_) => attributes.text(&attr::INVOCATION_RESULT, result::SUCCESS),
        Outcome::Failure(failure) => {
            attributes.text(&attr::INVOCATION_RESULT, result::FAILURE);
            attributes.int(&attr::INVOCATION_ERROR_CODE, failure.code);
            attributes.text(&attr::ERROR_MESSAGE, &cut(&failure.message, MESSAGE_MAX));
        }
    }
}

/// Where the whole time went.
fn put_durations(time: &TimeSpent, attributes: &mut AttributeEncoder<'_>) {
    let ms = |ns: u64| ns as f64 / 1_000_000.0;
    attributes.double(&attr::INVOCATION_DURATION_MS, ms(time.whole_ns()));
    attributes.double(&attr::INVOCATION_QUEUED_MS, ms(time.queued_ns));
    attributes.double(&attr::INVOCATION_RUNNING_MS, ms(time.running_ns));
    attributes.double(&attr::INVOCATION_SUSPENDED_MS, ms(time.suspended_ns));
    attributes.double(&attr::INVOCATION_BACKOFF_MS, ms(time.backoff_ns));
}

#[cfg(test)]
mod tests {
    use everspan_trace::{SpanContext, derive_span_id, derive_trace_id};

    use super::*;

    #[test]
    fn memory_that_came_back_is_used_again_and_tells_nothing_of_before() {
        let mut teller = Teller::default();
        let mut told = |label| {
            let context = SpanContext::sampled(derive_trace_id(b"1"), derive_span_id(b"1", label));
            teller.told.begin(&context, None, false).finish();
            let spans = teller.take().expect("one was told");
            let ids: Vec<_> = spans.decode().map(|span| span.context.span_id).collect();
            assert_eq!(ids, [context.span_id]);
            let memory = spans.bytes().as_ptr();
            teller.reuse(spans);
            memory
        };
        let (first, second) = (told(1), told(2));
        // The buffer for the next record is taken when a record has ended.
        assert_eq!([told(3), told(4)], [first, second]);
    }
}
