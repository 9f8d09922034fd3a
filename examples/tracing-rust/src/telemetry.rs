//! Spans of a Rust service below the attempts of Everspan. Copy this file into yours.
//!
//! [`TracedEndpoint`] opens a span for each attempt, below the server's own, and makes it the current one while the handler runs;
//! `run!` gives a run that is really executed a span of its own. Names and attributes are those of the TypeScript hook,
//! `@restatedev/restate-sdk-opentelemetry`, but for the key of an object, which is `{key}` in a name.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use hyper::body::Incoming;
use hyper::service::Service;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{FutureExt, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue, global};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};
use restate_sdk::endpoint::{Endpoint, ResponseBody};
use restate_sdk::errors::HandlerResult;

/// Sends spans by OTLP over HTTP to `OTEL_EXPORTER_OTLP_ENDPOINT` (default http://localhost:4318). Shut it down at the end.
pub fn start() -> SdkTracerProvider {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .build()
        .expect("OTEL_EXPORTER_OTLP_ENDPOINT is an address");
    let often = BatchConfigBuilder::default().with_scheduled_delay(Duration::from_millis(500));
    let name = std::env::var("OTEL_SERVICE_NAME").unwrap_or_else(|_| "shop-rust".to_owned());
    let provider = SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_service_name(name).build())
        .with_span_processor(
            BatchSpanProcessor::builder(exporter)
                .with_batch_config(often.build())
                .build(),
        )
        .build();
    global::set_tracer_provider(provider.clone());
    provider
}

/// The id of the invocation whose attempt is the current one.
#[derive(Clone)]
struct InvocationId(String);

/// `run!(ctx, name, action)` is `ctx.run(|| action).name(name)` with a span around the action, a future. A run whose result is replayed
/// does not execute it, and has no span.
macro_rules! run {
    ($ctx:expr, $name:expr, $action:expr) => {
        $ctx.run(|| $crate::telemetry::in_run($name, $action)).name($name)
    };
}
pub(crate) use run;

/// Runs `action` in the span of a run, as a box: the SDK's types do not like opaque futures.
pub fn in_run<'a, T: 'a>(
    name: &'a str,
    action: impl Future<Output = HandlerResult<T>> + Send + 'a,
) -> Pin<Box<dyn Future<Output = HandlerResult<T>> + Send + 'a>> {
    Box::pin(in_span(name, action))
}

async fn in_span<T>(name: &str, action: impl Future<Output = HandlerResult<T>>) -> HandlerResult<T> {
    let mut attributes = vec![KeyValue::new("restate.run.name", name.to_owned())];
    if let Some(InvocationId(id)) = Context::current().get() {
        attributes.push(KeyValue::new("restate.invocation.id", id.clone()));
    }
    let span = tracer()
        .span_builder(format!("run ({name})"))
        .with_attributes(attributes);
    let here = Context::current_with_span(span.start(&tracer()));
    let result = action.with_context(here.clone()).await;
    if let Err(error) = &result {
        let error: &(dyn std::error::Error + Send + Sync) = error.as_ref();
        here.span().set_status(Status::error(error.to_string()));
    }
    here.span().end();
    result
}

pub fn tracer() -> global::BoxedTracer {
    global::tracer("shop")
}

/// An [`Endpoint`] for hyper, each of whose attempts has a span.
#[derive(Clone)]
pub struct TracedEndpoint(pub Endpoint);

impl Service<Request<Incoming>> for TracedEndpoint {
    type Response = Response<TracedBody>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Self::Error>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let attempt = attempt(request.uri().path(), request.headers());
        let response = self.0.handle(request);
        ready(Ok(response.map(|body| TracedBody { body, attempt })))
    }
}

/// The context of an attempt: a span below the one that the server names in `traceparent`. None for a discovery.
fn attempt(path: &str, headers: &HeaderMap) -> Option<Context> {
    let (_, target) = path.split_once("/invoke/")?;
    let (service, handler) = target.split_once('/')?;
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let id = text("x-restate-invocation-id").unwrap_or_default().to_owned();
    let (short, full) = match text("x-restate-service-key") {
        Some(key) => (
            format!("{service}/{{key}}/{handler}"),
            format!("{service}/{key}/{handler}"),
        ),
        None => (target.to_owned(), target.to_owned()),
    };
    let parent =
        TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(headers));
    let span = tracer()
        .span_builder(format!("attempt {short}"))
        .with_kind(SpanKind::Server)
        .with_attributes([
            KeyValue::new("restate.invocation.id", id.clone()),
            KeyValue::new("restate.invocation.target", full),
        ])
        .start_with_context(&tracer(), &parent);
    Some(parent.with_span(span).with_value(InvocationId(id)))
}

/// A response whose handler runs while it is read: that is how the SDK does it. The attempt is current for that time.
pub struct TracedBody {
    body: ResponseBody,
    attempt: Option<Context>,
}

impl Body for TracedBody {
    type Data = Bytes;
    type Error = <ResponseBody as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let _current = self.attempt.clone().map(Context::attach);
        Pin::new(&mut self.body).poll_frame(task)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}

impl Drop for TracedBody {
    fn drop(&mut self) {
        if let Some(attempt) = &self.attempt {
            attempt.span().end();
        }
    }
}
