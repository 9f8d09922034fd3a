//! The ingress: where clients invoke services over HTTP/1.1 and HTTP/2.
//!
//! One file a step: [`route`] reads the path, [`call`] invokes a handler, [`result`] asks for results by id,
//! [`awakeable`] completes awakeables, [`answer`] writes responses and errors.

mod answer;
mod awakeable;
mod body;
mod call;
mod path;
mod result;
mod route;
mod trace;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use everspan_trace::Sampler;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Request, Response};

use crate::registry::Registry;
use crate::worker::Router;

use answer::Failed;
use route::Route;

/// The response type of the ingress.
pub type HttpResponse = Response<Full<Bytes>>;

/// What requests are answered with.
pub struct Ingress {
    /// The workers.
    pub router: Arc<Router>,
    /// The deployments.
    pub registry: Arc<Registry>,
    /// Which traces are recorded; `None` when nobody takes spans.
    pub sampler: Option<Sampler>,
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
        match route::parse(request.method(), request.uri())? {
            Route::Health => Ok(self.health()),
            Route::Call(call) => self.call(call, request, client).await,
            Route::Result(result) => self.result(result, request).await,
            Route::Awakeable(awakeable) => self.complete_awakeable(awakeable, request).await,
        }
    }

    fn health(&self) -> HttpResponse {
        let snapshot = self.registry.snapshot();
        let services: Vec<&String> = snapshot.services().map(|(name, _)| name).collect();
        answer::json(200, &serde_json::json!({ "services": services }))
    }
}
