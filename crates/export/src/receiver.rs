//! An OTLP receiver for tests and for a look without a collector: every request goes to a function, which answers it.
//!
//! One port takes all three protocols: gRPC, and HTTP with protobuf or JSON at `/v1/traces`; each with gzip or without.

mod http;
pub mod json;

use std::future::Future;
use std::io;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use axum::serve::Listener;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tonic::codec::CompressionEncoding;
use tonic::service::Routes;
use tonic::{Code, Request, Response, Status};

use crate::retry_info;

const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How a request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// All spans are taken.
    Take,
    /// So many spans are rejected for good.
    TakeAllBut(u64),
    /// Not now: `UNAVAILABLE` with `RetryInfo`, 429 with `Retry-After` in whole seconds, rounded up.
    NotNow {
        /// The wait that is asked for.
        wait: Duration,
    },
    /// Never: `INVALID_ARGUMENT`, 400.
    Refuse,
}

/// Serves on `listener` until `stop` completes and the requests under way are answered. `take` gets each request.
pub async fn serve<L, F, A>(
    listener: L,
    take: F,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()>
where
    L: Listener<Addr: std::fmt::Debug>,
    F: Fn(ExportTraceServiceRequest) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Answer> + Send + 'static,
{
    let grpc = TraceServiceServer::new(Service { take: take.clone() })
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .accept_compressed(CompressionEncoding::Gzip);
    let router = Routes::new(grpc)
        .prepare()
        .into_axum_router()
        .route("/v1/traces", post(http::export::<F, A>).with_state(take))
        .layer(DefaultBodyLimit::max(MESSAGE_BYTES_MAX));
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}

/// How many spans a request carries.
pub fn span_count(request: &ExportTraceServiceRequest) -> usize {
    request
        .resource_spans
        .iter()
        .flat_map(|resource| &resource.scope_spans)
        .map(|scope| scope.spans.len())
        .sum()
}

struct Service<F> {
    take: F,
}

#[tonic::async_trait]
impl<F, A> TraceService for Service<F>
where
    F: Fn(ExportTraceServiceRequest) -> A + Send + Sync + 'static,
    A: Future<Output = Answer> + Send + 'static,
{
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        match (self.take)(request.into_inner()).await {
            Answer::Take => Ok(Response::new(response(0))),
            Answer::TakeAllBut(rejected) => Ok(Response::new(response(rejected))),
            Answer::NotNow { wait } => {
                let seconds = i64::try_from(wait.as_secs()).unwrap_or(i64::MAX);
                let nanos = i32::try_from(wait.subsec_nanos()).unwrap_or(0);
                let details = retry_info::encode(seconds, nanos);
                Err(Status::with_details(Code::Unavailable, "not now", details.into()))
            }
            Answer::Refuse => Err(Status::invalid_argument("not like this")),
        }
    }
}

fn response(rejected: u64) -> ExportTraceServiceResponse {
    let partial = ExportTracePartialSuccess {
        rejected_spans: i64::try_from(rejected).unwrap_or(i64::MAX),
        error_message: "some were rejected".to_owned(),
    };
    ExportTraceServiceResponse {
        partial_success: (rejected > 0).then_some(partial),
    }
}
