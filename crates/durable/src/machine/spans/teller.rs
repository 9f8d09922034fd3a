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

/// The spans told by the record that is applied, and what the next one is made with.
pub(in crate::machine) struct Teller {
    pub(super) labels: Labels,
    pub(super) told: EncodedSpans,
    pub(super) events: EventList,
}

impl Default for Teller {
    fn default() -> Self {
        Self {
            labels: Labels::default(),
            told: EncodedSpans::new(INVOCATION_SCOPE),
            events: EventList::default(),
        }
    }
}

impl Teller {
    /// What was told since the last time, if anything was.
    pub(in crate::machine) fn take(&mut self) -> Option<EncodedSpans> {
        (!self.told.is_empty()).then(|| mem::replace(&mut self.told, EncodedSpans::new(INVOCATION_SCOPE)))
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
