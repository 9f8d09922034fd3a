//! The span of a request at the ingress: from its headers until it is a record, or refused.

use everspan_protocol::ids::InvocationId;
use everspan_trace::SpanContext;
use everspan_trace::catalog::{self, attr};
use everspan_trace::otlp::{AttributeEncoder, EncodedSpans, SpanEncoder, encode_name};

use super::Teller;
use super::labels::{Frame, put_handler};
use super::text::{MESSAGE_MAX, cut};
use crate::invocation::Completed;
use crate::record::{IngressRequest, Outcome, Submission};
use crate::target::{HandlerKind, Target};

/// Methods a span names; any other is `HTTP` (OpenTelemetry HTTP semantic conventions).
const METHODS: [&str; 9] = [
    "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "CONNECT",
];

/// What a request met.
pub(in crate::machine) enum Met<'a> {
    /// Nothing: it makes an invocation.
    Nobody,
    /// An invocation under way, with this start span.
    UnderWay(SpanContext),
    /// One that has ended.
    Ended(&'a Completed),
}

/// Status and message of an answer.
type Answer<'a> = (u16, &'a str);

impl Teller {
    /// A request that became a record, and what it met.
    pub(super) fn met(
        &mut self,
        request: &IngressRequest,
        submission: &Submission,
        met: &Met<'_>,
        ended_ns: u64,
    ) {
        let of = (&submission.id, &submission.target);
        let context = &submission.trace.cause;
        match met.start_span() {
            None => self.request(request, of, context, ended_ns),
            Some(first) => {
                let answer = request.accepted().or_else(|| met.answer(submission.handler.kind));
                let frame = request.frame(context, ended_ns);
                let mut span = self.labels.begin(of, &catalog::INGRESS, &frame, &mut self.told);
                request.describe(answer, &mut span.attributes());
                span.attributes().truth(&attr::IDEMPOTENCY_REPLAYED, true);
                span.link(first);
                finish(span, answer);
            }
        }
    }

    /// A request that made an invocation. Its answer is known if the client only wants it accepted.
    pub(super) fn request(
        &mut self,
        request: &IngressRequest,
        of: (&InvocationId, &Target),
        context: &SpanContext,
        ended_ns: u64,
    ) {
        let frame = request.frame(context, ended_ns);
        let mut span = self.labels.begin(of, &catalog::INGRESS, &frame, &mut self.told);
        request.describe(request.accepted(), &mut span.attributes());
        finish(span, request.accepted());
    }
}

impl Met<'_> {
    fn start_span(&self) -> Option<&SpanContext> {
        match self {
            Self::Nobody => None,
            Self::UnderWay(context) => Some(context),
            Self::Ended(completed) => Some(&completed.start_span),
        }
    }

    /// The answer to a call that met this, if there is one already.
    fn answer(&self, kind: HandlerKind) -> Option<Answer<'_>> {
        match self {
            _ if kind == HandlerKind::Workflow => Some((409, "")),
            Self::Nobody | Self::UnderWay(_) => None,
            Self::Ended(completed) => Some(match &completed.outcome {
                Outcome::Success(_) => (200, ""),
                Outcome::Failure(failure) => (failure.http_status(), failure.message.as_str()),
            }),
        }
    }
}

/// A failure of the server's side is an error of the span, one of the client's is not, as OpenTelemetry asks of servers.
fn finish(mut span: SpanEncoder<'_>, answer: Option<Answer<'_>>) {
    if let Some((500.., message)) = answer {
        span.error(&cut(message, MESSAGE_MAX));
    }
    span.finish();
}

impl IngressRequest {
    /// The span of a request that was refused with this status and message, and left no record. Without a target,
    /// because none was known yet, it is named by the method.
    pub fn refused_span(
        &self,
        target: Option<&Target>,
        context: &SpanContext,
        ended_ns: u64,
        refusal: (u16, &str),
    ) -> EncodedSpans {
        let name = match target {
            Some(target) => target.span_name(),
            None if METHODS.contains(&self.method.as_str()) => self.method.clone(),
            None => "HTTP".to_owned(),
        };
        let (def, mut head) = (&catalog::INGRESS, Vec::new());
        encode_name(&def.name(&name), def.kind, &mut head);
        let mut spans = EncodedSpans::new(def.scope);
        let mut span = spans.begin(context, self.parent, self.parent.is_some());
        span.copy(&head);
        span.times(self.received_ns, ended_ns);
        let mut attributes = span.attributes();
        if let Some(target) = target {
            attributes.text(&attr::INVOCATION_TARGET, &target.to_string());
            put_handler(target, &mut attributes);
        }
        self.describe(Some(refusal), &mut attributes);
        attributes.text(&attr::ERROR_MESSAGE, &cut(refusal.1, MESSAGE_MAX));
        finish(span, Some(refusal));
        spans
    }

    /// The answer to a client that only wants it accepted.
    fn accepted(&self) -> Option<Answer<'static>> {
        self.one_way.then_some((202, ""))
    }

    fn frame(&self, context: &SpanContext, ended_ns: u64) -> Frame {
        Frame {
            context: context.clone(),
            parent: self.parent,
            parent_is_remote: self.parent.is_some(),
            start_ns: self.received_ns,
            end_ns: ended_ns,
        }
    }

    fn describe(&self, answer: Option<Answer<'_>>, attributes: &mut AttributeEncoder<'_>) {
        let is_known = METHODS.contains(&self.method.as_str());
        let method = if is_known { self.method.as_str() } else { "_OTHER" };
        attributes.text(&attr::HTTP_REQUEST_METHOD, method);
        attributes.text(&attr::URL_PATH, &cut(&self.path, MESSAGE_MAX));
        if let Some((address, port)) = &self.client {
            attributes.text(&attr::CLIENT_ADDRESS, address);
            attributes.int(&attr::CLIENT_PORT, *port);
        }
        if let Some(agent) = &self.user_agent {
            attributes.text(&attr::USER_AGENT_ORIGINAL, &cut(agent, MESSAGE_MAX));
        }
        if let Some((status, _)) = answer {
            attributes.int(&attr::HTTP_RESPONSE_STATUS_CODE, status);
        }
    }
}
