//! What was received, counted: spans, those that came twice, and the answers that were no.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use everspan_export::receiver::Answer;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;

/// Keeps trace and span id of every span that was taken: about 50 bytes each.
#[derive(Default)]
pub(crate) struct Tally {
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    known: HashSet<[u8; 24]>,
    spans: u64,
    rejected: u64,
    refusals: u64,
}

impl Tally {
    /// The spans of a request that was taken.
    pub(crate) fn count(&self, request: &ExportTraceServiceRequest) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let scopes = request
            .resource_spans
            .iter()
            .flat_map(|resource| &resource.scope_spans);
        for span in scopes.flat_map(|scope| &scope.spans) {
            counts.spans += 1;
            counts.known.insert(key(&span.trace_id, &span.span_id));
        }
    }

    pub(crate) fn count_answer(&self, answer: Answer) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Answer::Take => {}
            Answer::TakeAllBut(rejected) => counts.rejected += rejected,
            Answer::NotNow { .. } | Answer::Refuse => counts.refusals += 1,
        }
    }
}

/// Ids of a wrong length are cut or filled with zeros.
fn key(trace_id: &[u8], span_id: &[u8]) -> [u8; 24] {
    let mut key = [0; 24];
    for (to, from) in key[..16].iter_mut().zip(trace_id) {
        *to = *from;
    }
    for (to, from) in key[16..].iter_mut().zip(span_id) {
        *to = *from;
    }
    key
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let distinct = u64::try_from(counts.known.len()).unwrap_or(u64::MAX);
        write!(
            f,
            "received {} spans: {} duplicate, {} rejected, {} requests refused",
            counts.spans,
            counts.spans.saturating_sub(distinct),
            counts.rejected,
            counts.refusals,
        )
    }
}
