//! The spans of an invocation, made from what its state and journal say, at the moment they end (TRACES §1).
//!
//! Of an invocation that is sampled each span is told when it ends. Of one that is not, nothing is told, unless its
//! spans are kept (`tracing-keep`): then its end decides whether all of them are told, or none.

use everspan_protocol::ids::InvocationId;
use everspan_state::{Backend, StateError};
use everspan_trace::catalog::attr::result;
use everspan_trace::catalog::{self, SpanDef, attr};
use everspan_trace::{KeyValue, Link, Span, SpanContext, SpanId, Status as SpanStatus};

use super::Machine;
use crate::effect::Effect;
use crate::invocation::{Invocation, TimeSpent};
use crate::record::Outcome;
use crate::target::Target;

mod attempt;
mod events;
mod kept;
mod labels;
mod request;
mod text;

pub(crate) use attempt::{AttemptOutcome, EndedAttempt};
pub(crate) use kept::KeptRequest;
pub(super) use labels::Labels;
pub(super) use request::Met;

use labels::Common;

impl<B: Backend> Machine<B> {
    /// Whether anybody takes spans of this kind.
    pub(super) fn takes(&self, def: &SpanDef, target: &Target) -> bool {
        self.options.spans.takers.take(def, target)
    }

    fn tells(&self, def: &SpanDef, target: &Target, context: &SpanContext) -> bool {
        self.telling && context.is_sampled() && self.takes(def, target)
    }

    /// The invocation is handed to its first attempt.
    pub(super) fn begun(&mut self, id: &InvocationId, invocation: &mut Invocation) {
        if let Some(kept) = &mut invocation.kept {
            kept.begun_ns = self.now_ns;
        } else if self.tells(&catalog::START, &invocation.target, &invocation.trace.cause) {
            let common = self.labels.of(id, &invocation.target);
            self.tell(start_span(id, invocation, &common, self.now_ns));
        }
    }

    /// The attempt under way has ended.
    pub(super) fn attempt_over(
        &mut self,
        id: &InvocationId,
        invocation: &mut Invocation,
        outcome: AttemptOutcome,
    ) -> Result<(), StateError> {
        if !self.shows_attempt(invocation) {
            return Ok(());
        }
        let ended = EndedAttempt {
            attempt: invocation.attempt.clone(),
            ended_ns: self.now_ns,
            journal_len: invocation.journal_len,
            pinned: invocation.pin.is_some(),
            outcome,
        };
        if invocation.kept.is_some() {
            self.keep_attempt(id, invocation, ended);
        } else {
            let span = self.attempt_span(id, invocation, &ended)?;
            self.tell(span);
        }
        Ok(())
    }

    /// Whether the span of the attempt under way is told, or kept.
    fn shows_attempt(&self, invocation: &Invocation) -> bool {
        invocation.kept.is_some()
            || self.tells(&catalog::ATTEMPT, &invocation.target, &invocation.trace.cause)
    }

    /// The invocation has ended, perhaps without an attempt.
    pub(super) fn invocation_over(
        &mut self,
        id: &InvocationId,
        invocation: &Invocation,
        outcome: &Outcome,
    ) -> Result<(), StateError> {
        if let Some(kept) = invocation.kept {
            return self.settle_kept(id, invocation, kept, outcome);
        }
        let (target, cause) = (&invocation.target, &invocation.trace.cause);
        if invocation.attempt.number == 0 && self.tells(&catalog::START, target, cause) {
            let common = self.labels.of(id, target);
            self.tell(start_span(id, invocation, &common, self.now_ns));
        }
        if self.tells(&catalog::END, target, cause) {
            let common = self.labels.of(id, target);
            self.tell(end_span(id, invocation, &common, outcome, self.now_ns));
        }
        Ok(())
    }

    /// A wall clock that went back before a restart must not end a span before its start.
    fn tell(&mut self, mut span: Span) {
        span.end_ns = span.end_ns.max(span.start_ns);
        self.effects.push(Effect::Span(Box::new(span)));
    }
}

/// From the creation to the first attempt, or to an end without one.
fn start_span(id: &InvocationId, invocation: &Invocation, common: &Common<'_>, ended_ns: u64) -> Span {
    let origin = &invocation.trace;
    let context = invocation.start_span(id);
    let parent = origin.joins.then_some(origin.cause.span_id);
    let mut span = invocation_span(&catalog::START, common, context, parent);
    (span.start_ns, span.end_ns) = (invocation.created_ns, ended_ns);
    if !origin.joins {
        span.links.push(link(origin.cause.clone()));
    }
    span
}

/// The end of the invocation, at this moment.
fn end_span(
    id: &InvocationId,
    invocation: &Invocation,
    common: &Common<'_>,
    outcome: &Outcome,
    now_ns: u64,
) -> Span {
    let parent = Some(invocation.start_span(id).span_id);
    let context = invocation.end_span(id);
    let mut span = invocation_span(&catalog::END, common, context, parent);
    (span.start_ns, span.end_ns) = (now_ns, now_ns);
    span.attributes.extend(durations(&invocation.time_spent(now_ns)));
    match outcome {
        Outcome::Success(_) => {
            span.attributes
                .push(attr::INVOCATION_RESULT.value(result::SUCCESS));
            span.status = SpanStatus::Ok;
        }
        Outcome::Failure(failure) => {
            let message = text::cut(&failure.message, text::MESSAGE_MAX);
            span.attributes.extend([
                attr::INVOCATION_RESULT.value(result::FAILURE),
                attr::INVOCATION_ERROR_CODE.value(i64::from(failure.code)),
                attr::ERROR_MESSAGE.value(message.clone()),
            ]);
            span.status = SpanStatus::Error(message);
        }
    }
    span
}

fn invocation_span(def: &SpanDef, common: &Common<'_>, context: SpanContext, parent: Option<SpanId>) -> Span {
    let mut span = Span::named(def, common.name(def), context, 0, 0);
    span.parent = parent;
    span.attributes = common.attributes();
    span
}

fn of_target(target: &Target) -> [KeyValue; 3] {
    [
        attr::INVOCATION_TARGET.value(target.to_string()),
        attr::RPC_SERVICE.value(target.service.clone()),
        attr::RPC_METHOD.value(target.handler.clone()),
    ]
}

/// Where the whole time went.
fn durations(time: &TimeSpent) -> [KeyValue; 5] {
    let ms = |ns: u64| ns as f64 / 1_000_000.0;
    [
        attr::INVOCATION_DURATION_MS.value(ms(time.whole_ns())),
        attr::INVOCATION_QUEUED_MS.value(ms(time.queued_ns)),
        attr::INVOCATION_RUNNING_MS.value(ms(time.running_ns)),
        attr::INVOCATION_SUSPENDED_MS.value(ms(time.suspended_ns)),
        attr::INVOCATION_BACKOFF_MS.value(ms(time.backoff_ns)),
    ]
}

fn link(context: SpanContext) -> Link {
    Link {
        context,
        attributes: Vec::new(),
    }
}
