//! The ingress: where clients invoke services over HTTP/1.1 and HTTP/2.
//!
//! One file a step: [`route`] reads the path, [`call`] invokes a handler, [`result`] asks for results by id,
//! [`awakeable`] completes awakeables, [`answer`] writes responses and errors.

mod answer;
mod awakeable;
mod body;
mod call;
mod path;
mod refused;
mod result;
mod route;
mod trace;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use everspan_durable::machine::Takers;
use everspan_durable::record::IngressRequest;
use everspan_durable::target::Target;
use everspan_trace::{Sampler, catalog};
use http::header::USER_AGENT;
use http::request::Parts;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Request, Response};

use crate::clock::now_ns;
use crate::registry::Registry;
use crate::worker::Router;

use answer::Failed;
pub use refused::RefusedSpans;
use route::Route;
use trace::RequestTrace;

/// The response type of the ingress.
pub type HttpResponse = Response<Full<Bytes>>;

/// What requests are answered with.
pub struct Ingress {
    /// The workers.
    pub router: Arc<Router>,
    /// The deployments.
    pub registry: Arc<Registry>,
    /// Which traces are recorded.
    pub sampler: Sampler,
    /// Who takes spans.
    pub takers: Takers,
    /// The way of the spans that no record tells.
    pub refused: Arc<RefusedSpans>,
    /// The longest body, bytes.
    pub body_max: usize,
}

impl Ingress {
    /// Answers one request.
    pub async fn handle(
        &self,
        request: Request<Incoming>,
        client: Option<SocketAddr>,
    ) -> Result<HttpResponse, Infallible> {
        let preflight = request.method() == http::Method::OPTIONS;
        let answer = if preflight {
            Ok(answer::empty(204))
        } else {
            self.answer(request, client).await
        };
        let mut response = answer.unwrap_or_else(Failed::response);
        answer::allow_origins(&mut response, preflight);
        Ok(response)
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        client: Option<SocketAddr>,
    ) -> Result<HttpResponse, Failed> {
        let received_ns = now_ns();
        let (parts, body) = request.into_parts();
        let seen = Seen {
            parts: &parts,
            client,
            received_ns,
        };
        match route::parse(&parts.method, &parts.uri) {
            Ok(Route::Health) => Ok(self.health()),
            Ok(Route::Call(call)) => {
                let mut target = None;
                let answer = self.call(call, &seen, body, &mut target).await;
                answer.inspect_err(|failed| self.tell_refused(&seen, target.as_ref(), failed))
            }
            Ok(Route::Result(result)) => self.result(result, body).await,
            Ok(Route::Awakeable(awakeable)) => self.complete_awakeable(awakeable, body).await,
            Err(failed) => {
                if route::asks_for_invocation(&parts.uri) {
                    self.tell_refused(&seen, None, &failed);
                }
                Err(failed)
            }
        }
    }

    /// The span of a request for an invocation that left no record.
    fn tell_refused(&self, seen: &Seen<'_>, target: Option<&Target>, failed: &Failed) {
        let Some(refusal) = failed.refusal() else { return };
        let taken = match target {
            Some(target) => self.takers.take(&catalog::INGRESS, target),
            None => self
                .takers
                .take_named(&catalog::INGRESS.name(seen.parts.method.as_str())),
        };
        if !taken {
            return;
        }
        let trace = self.begin_trace(&seen.parts.headers);
        if trace.context.is_sampled() {
            let request = seen.request(&trace, false);
            let span = || request.refused_span(target, &trace.context, now_ns(), refusal);
            self.refused.tell(span);
        }
    }

    fn health(&self) -> HttpResponse {
        let snapshot = self.registry.snapshot();
        let services: Vec<&String> = snapshot.services().map(|(name, _)| name).collect();
        answer::json(200, &serde_json::json!({ "services": services }))
    }
}

/// What the span of a request tells of it.
struct Seen<'a> {
    parts: &'a Parts,
    client: Option<SocketAddr>,
    received_ns: u64,
}

impl Seen<'_> {
    fn request(&self, trace: &RequestTrace, one_way: bool) -> IngressRequest {
        let agent = self.parts.headers.get(USER_AGENT);
        IngressRequest {
            span_id: trace.context.span_id,
            parent: trace.parent,
            received_ns: self.received_ns,
            method: self.parts.method.to_string(),
            path: self.parts.uri.path().to_owned(),
            client: self
                .client
                .map(|address| (address.ip().to_string(), address.port())),
            user_agent: agent.and_then(|value| value.to_str().ok()).map(str::to_owned),
            one_way,
        }
    }
}
