//! Spans of an invocation that is not sampled, kept until its end decides (`tracing-keep`).
//!
//! What is kept is not spans but what they are made of: the request, and a row for each attempt. The rest is in the
//! journal and in the invocation itself, which are there for other reasons.

use borsh::{BorshDeserialize, BorshSerialize};
use everspan_protocol::ids::InvocationId;
use everspan_state::{Backend, StateError};
use everspan_trace::catalog;

use super::{AttemptOutcome, EndedAttempt};
use crate::invocation::{Invocation, Kept, TimeSpent};
use crate::machine::{Keep, Machine};
use crate::record::{IngressRequest, Outcome, Source, Submission};

/// The most attempts kept of an invocation; beyond it the oldest go.
const ATTEMPTS_MAX: u32 = 64;

/// The request that made an invocation.
#[derive(Clone, Debug, PartialEq, BorshSerialize, BorshDeserialize)]
pub(crate) struct KeptRequest {
    pub(crate) request: IngressRequest,
    /// When it was a record, ns since the epoch.
    pub(crate) ended_ns: u64,
}

impl Keep {
    fn takes(self, time: &TimeSpent, outcome: &Outcome) -> bool {
        let failed = matches!(outcome, Outcome::Failure(_));
        let took_ms = time.whole_ns() / 1_000_000;
        (self.failed && failed) || self.slow_ms.is_some_and(|slow_ms| took_ms >= slow_ms)
    }
}

impl<B: Backend> Machine<B> {
    /// A new invocation: keeps its request if its spans may be told after all.
    pub(in crate::machine) fn keep_request(&mut self, submission: &Submission) -> Option<Kept> {
        let cause = &submission.trace.cause;
        let options = &self.options.spans;
        if options.keep.is_none()
            || !options.takers.are_any()
            || cause.is_sampled()
            || !cause.trace_id.is_valid()
        {
            return None;
        }
        if let Source::Ingress(request) = &submission.source {
            let request = KeptRequest {
                request: request.clone(),
                ended_ns: self.now_ns,
            };
            self.tables.put_kept_request(&submission.id, &request);
        }
        Some(Kept {
            begun_ns: 0,
            oldest: 1,
        })
    }

    pub(super) fn keep_attempt(
        &mut self,
        id: &InvocationId,
        invocation: &mut Invocation,
        mut ended: EndedAttempt,
    ) {
        let Some(kept) = &mut invocation.kept else { return };
        let number = ended.attempt.number;
        if number - kept.oldest >= ATTEMPTS_MAX {
            self.tables.delete_kept(id, kept.oldest);
            kept.oldest += 1;
        }
        ended.outcome = AttemptOutcome::cut(ended.outcome);
        self.tables.put_kept_attempt(id, &ended);
    }

    /// The invocation has ended: all its spans are told, or none; either way nothing of them stays.
    pub(super) fn settle_kept(
        &mut self,
        id: &InvocationId,
        invocation: &Invocation,
        kept: Kept,
        outcome: &Outcome,
    ) -> Result<(), StateError> {
        let time = invocation.time_spent(self.now_ns);
        let keep = self.options.spans.keep.filter(|_| self.telling);
        if keep.is_some_and(|keep| keep.takes(&time, outcome)) {
            self.tell_kept(id, invocation, kept, outcome)?;
        }
        self.tables.delete_kept(id, 0);
        for number in kept.oldest..=invocation.attempt.number {
            self.tables.delete_kept(id, number);
        }
        Ok(())
    }

    fn tell_kept(
        &mut self,
        id: &InvocationId,
        invocation: &Invocation,
        kept: Kept,
        outcome: &Outcome,
    ) -> Result<(), StateError> {
        let target = &invocation.target;
        if let Some(kept) = self.tables.kept_request(id)?
            && self.takes(&catalog::INGRESS, target)
        {
            let cause = &invocation.trace.cause;
            self.spans
                .request(&kept.request, (id, target), cause, kept.ended_ns);
        }
        if self.takes(&catalog::START, target) {
            let begun_ns = Some(kept.begun_ns).filter(|&begun_ns| begun_ns > 0);
            self.spans.start(id, invocation, begun_ns.unwrap_or(self.now_ns));
        }
        if self.takes(&catalog::ATTEMPT, target) {
            for number in kept.oldest..=invocation.attempt.number {
                if let Some(ended) = self.tables.kept_attempt(id, number)? {
                    self.tell_attempt(id, invocation, &ended)?;
                }
            }
        }
        if self.takes(&catalog::END, target) {
            self.spans
                .end(id, invocation, outcome, self.now_ns, kept.oldest - 1);
        }
        Ok(())
    }
}
