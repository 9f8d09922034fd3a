//! A collector's bad days: what it refuses, and what it rejects in part.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use everspan_export::receiver::Answer;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;

/// Decides the answer to each request, by counting.
pub(crate) struct Behaviour {
    refusals_left: AtomicU64,
    retry_after: Duration,
    reject_every: Option<u64>,
    spans_seen: AtomicU64,
}

impl Behaviour {
    /// Refuses the first `refuse_first` requests; of the others rejects every `reject_every`-th span.
    pub(crate) fn new(refuse_first: u64, retry_after: Duration, reject_every: Option<u64>) -> Self {
        Self {
            refusals_left: AtomicU64::new(refuse_first),
            retry_after,
            reject_every,
            spans_seen: AtomicU64::new(0),
        }
    }

    /// Takes the rejected spans out of the request.
    pub(crate) fn answer(&self, request: &mut ExportTraceServiceRequest) -> Answer {
        let take_one = |left: u64| left.checked_sub(1);
        if self
            .refusals_left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take_one)
            .is_ok()
        {
            return Answer::NotNow {
                wait: self.retry_after,
            };
        }
        match self.reject_every.map_or(0, |every| self.reject(every, request)) {
            0 => Answer::Take,
            rejected => Answer::TakeAllBut(rejected),
        }
    }

    fn reject(&self, every: u64, request: &mut ExportTraceServiceRequest) -> u64 {
        let mut rejected = 0;
        let scopes = request
            .resource_spans
            .iter_mut()
            .flat_map(|resource| &mut resource.scope_spans);
        for scope in scopes {
            scope.spans.retain(|_| {
                let number = self.spans_seen.fetch_add(1, Ordering::Relaxed) + 1;
                let is_taken = !number.is_multiple_of(every);
                rejected += u64::from(!is_taken);
                is_taken
            });
        }
        rejected
    }
}
