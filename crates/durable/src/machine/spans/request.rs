//! The span of a request at the ingress: from its headers until it is a record, or refused.

use everspan_state::Backend;
use everspan_trace::catalog::{self, attr};
use everspan_trace::{KeyValue, Span, SpanContext, Status as SpanStatus, Text};

use super::text::{MESSAGE_MAX, cut};
use super::{Common, link, of_target};
use crate::invocation::Completed;
use crate::machine::Machine;
use crate::record::{IngressRequest, Outcome, Source, Submission};
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

impl<B: Backend> Machine<B> {
    /// The request that made, or met, an invocation is a record.
    pub(in crate::machine) fn request_over(&mut self, submission: &Submission, met: &Met<'_>) {
        let Source::Ingress(request) = &submission.source else {
            return;
        };
        let context = &submission.trace.cause;
        if !self.tells(&catalog::INGRESS, &submission.target, context) {
            return;
        }
        let common = self.labels.of(&submission.id, &submission.target);
        let mut span = request.accepted_span(&common, context.clone(), self.now_ns);
        if let Some(first) = met.start_span() {
            if !request.one_way {
                answered(&mut span, submission.handler.kind, met);
            }
            span.attributes.push(attr::IDEMPOTENCY_REPLAYED.value(true));
            span.links.push(link(first));
        }
        self.tell(span);
    }
}

impl Met<'_> {
    fn start_span(&self) -> Option<SpanContext> {
        match self {
            Self::Nobody => None,
            Self::UnderWay(context) => Some(context.clone()),
            Self::Ended(completed) => Some(completed.start_span.clone()),
        }
    }
}

/// The answer to a call that met another one, if there is one already.
fn answered(span: &mut Span, kind: HandlerKind, met: &Met<'_>) {
    if kind == HandlerKind::Workflow {
        return answer(span, 409, "");
    }
    if let Met::Ended(completed) = met {
        match &completed.outcome {
            Outcome::Success(_) => answer(span, 200, ""),
            Outcome::Failure(failure) => answer(span, failure.http_status(), &failure.message),
        }
    }
}

/// A failure of the server's side is an error of the span, one of the client's is not, as OpenTelemetry asks of servers.
fn answer(span: &mut Span, status: u16, message: &str) {
    span.attributes
        .push(attr::HTTP_RESPONSE_STATUS_CODE.value(i64::from(status)));
    if status >= 500 {
        span.status = SpanStatus::Error(cut(message, MESSAGE_MAX));
    }
}

impl IngressRequest {
    /// The span of a request that was refused with this status and message, and left no record. Without a target,
    /// because none was known yet, it is named by the method.
    pub fn refused_span(
        &self,
        target: Option<&Target>,
        context: SpanContext,
        ended_ns: u64,
        refusal: (u16, &str),
    ) -> Span {
        let (status, message) = refusal;
        let name = match target {
            Some(target) => target.span_name(),
            None if METHODS.contains(&self.method.as_str()) => self.method.clone(),
            None => "HTTP".to_owned(),
        };
        let mut span = self.span(catalog::INGRESS.name(&name), context, ended_ns);
        span.attributes.extend(target.into_iter().flat_map(of_target));
        self.describe(&mut span);
        answer(&mut span, status, message);
        span.attributes
            .push(attr::ERROR_MESSAGE.value(cut(message, MESSAGE_MAX)));
        span
    }

    /// The span of a request that became a record. Its answer is known if the client only wants it accepted.
    pub(super) fn accepted_span(&self, common: &Common<'_>, context: SpanContext, ended_ns: u64) -> Span {
        let mut span = self.span(common.name(&catalog::INGRESS), context, ended_ns);
        span.attributes = common.attributes();
        self.describe(&mut span);
        if self.one_way {
            answer(&mut span, 202, "");
        }
        span
    }

    fn span(&self, name: impl Into<Text>, context: SpanContext, ended_ns: u64) -> Span {
        let mut span = Span::named(&catalog::INGRESS, name, context, self.received_ns, ended_ns);
        span.end_ns = span.end_ns.max(span.start_ns);
        span.parent = self.parent;
        span.parent_is_remote = self.parent.is_some();
        span
    }

    fn describe(&self, span: &mut Span) {
        let method = if METHODS.contains(&self.method.as_str()) {
            self.method.clone()
        } else {
            "_OTHER".to_owned()
        };
        let attributes: &mut Vec<KeyValue> = &mut span.attributes;
        attributes.push(attr::HTTP_REQUEST_METHOD.value(method));
        attributes.push(attr::URL_PATH.value(cut(&self.path, MESSAGE_MAX)));
        if let Some((address, port)) = &self.client {
            attributes.push(attr::CLIENT_ADDRESS.value(address.clone()));
            attributes.push(attr::CLIENT_PORT.value(i64::from(*port)));
        }
        if let Some(agent) = &self.user_agent {
            attributes.push(attr::USER_AGENT_ORIGINAL.value(cut(agent, MESSAGE_MAX)));
        }
    }
}
