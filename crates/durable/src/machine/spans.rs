//! The spans of an invocation, made from what its state and journal say, at the moment they end (TRACES §1).
//!
//! Of an invocation that is sampled each span is told when it ends. Of one that is not, nothing is told, unless its
//! spans are kept (`tracing-keep`): then its end decides whether all of them are told, or none.
//!
//! Here is decided what is told; the [`Teller`] writes it.

use everspan_protocol::ids::InvocationId;
use everspan_state::{Backend, StateError};
use everspan_trace::SpanContext;
use everspan_trace::catalog::{self, SpanDef};

use super::Machine;
use crate::invocation::Invocation;
use crate::record::{Outcome, Source, Submission};
use crate::target::Target;

mod attempt;
mod event_list;
mod events;
mod kept;
mod labels;
mod request;
mod teller;
mod text;

pub(crate) use attempt::{AttemptOutcome, EndedAttempt};
pub(crate) use kept::KeptRequest;
pub(super) use request::Met;
pub(super) use teller::Teller;

impl<B: Backend> Machine<B> {
    /// Whether anybody takes spans of this kind.
    pub(super) fn takes(&self, def: &SpanDef, target: &Target) -> bool {
        self.options.spans.takers.take(def, target)
    }

    fn tells(&self, def: &SpanDef, target: &Target, context: &SpanContext) -> bool {
        self.telling && context.is_sampled() && self.takes(def, target)
    }

    /// The request that made, or met, an invocation is a record.
    pub(super) fn request_over(&mut self, submission: &Submission, met: &Met<'_>) {
        let Source::Ingress(request) = &submission.source else {
            return;
        };
        if self.tells(&catalog::INGRESS, &submission.target, &submission.trace.cause) {
            self.spans.met(request, submission, met, self.now_ns);
        }
    }

    /// The invocation is handed to its first attempt.
    pub(super) fn begun(&mut self, id: &InvocationId, invocation: &mut Invocation) {
        if let Some(kept) = &mut invocation.kept {
            kept.begun_ns = self.now_ns;
        } else if self.tells(&catalog::START, &invocation.target, &invocation.trace.cause) {
            self.spans.start(id, invocation, self.now_ns);
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
            return Ok(());
        }
        self.tell_attempt(id, invocation, &ended)
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
            self.spans.start(id, invocation, self.now_ns);
        }
        if self.tells(&catalog::END, target, cause) {
            self.spans.end(id, invocation, outcome, self.now_ns, 0);
        }
        Ok(())
    }
}
