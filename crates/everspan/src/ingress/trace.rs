//! The trace of a request: continued from the client, or begun here; sampled once for the whole trace.

use everspan_durable::target::Target;
use everspan_trace::{SpanContext, SpanId, TraceId, catalog};
use http::HeaderMap;
use rand::Rng;

use super::Ingress;

/// The trace a request belongs to.
pub(super) struct RequestTrace {
    /// The context of the ingress span; without anyone to take spans, the client's own.
    pub(super) context: SpanContext,
    /// The client's span.
    pub(super) parent: Option<SpanId>,
}

impl Ingress {
    /// The trace of a request for an invocation of this target. Where nobody takes a span of it the client's own
    /// context is handed on; where nobody takes the ingress span, the client's span stands in its place.
    pub(super) fn trace(&self, headers: &HeaderMap, target: &Target) -> RequestTrace {
        if self.takers.take_any(target) {
            let mut trace = self.begin_trace(headers);
            if let Some(parent) = trace.parent
                && !self.takers.take(&catalog::INGRESS, target)
            {
                trace.context.span_id = parent;
            }
            return trace;
        }
        let none = || SpanContext {
            trace_id: TraceId([0; 16]),
            span_id: SpanId([0; 8]),
            flags: 0,
            trace_state: String::new(),
        };
        RequestTrace {
            context: incoming(headers).unwrap_or_else(none),
            parent: None,
        }
    }

    /// The context of a new ingress span.
    pub(super) fn begin_trace(&self, headers: &HeaderMap) -> RequestTrace {
        let incoming = incoming(headers);
        let mut random = rand::rng();
        let trace_id = incoming
            .as_ref()
            .map_or_else(|| TraceId(random.random()), |parent| parent.trace_id);
        let sampled = self.sampler.samples(trace_id, incoming.as_ref());
        let mut context = SpanContext::sampled(trace_id, SpanId(random.random()));
        context.flags = match &incoming {
            Some(parent) => parent.flags & !everspan_trace::FLAG_SAMPLED,
            None => everspan_trace::FLAG_RANDOM,
        };
        if sampled {
            context.flags |= everspan_trace::FLAG_SAMPLED;
        }
        let parent = incoming.as_ref().map(|parent| parent.span_id);
        context.trace_state = incoming.map(|parent| parent.trace_state).unwrap_or_default();
        RequestTrace { context, parent }
    }
}

/// W3C Trace Context: exactly one `traceparent`; several `tracestate` headers are one list.
fn incoming(headers: &HeaderMap) -> Option<SpanContext> {
    let mut parents = headers.get_all("traceparent").iter();
    let parent = parents.next()?.to_str().ok()?;
    if parents.next().is_some() {
        return None;
    }
    let states: Vec<&str> = headers
        .get_all("tracestate")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    let state = states.join(",");
    SpanContext::parse(parent, Some(state.as_str()).filter(|state| !state.is_empty()))
}
