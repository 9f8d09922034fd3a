//! An OTLP/gRPC receiver for tests and for a look without a collector: every request goes to a function.

pub mod json;

use std::future::Future;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Serves on `listener` until `stop` completes. `take` gets each request; its error is the answer to the sender.
pub async fn serve<F>(
    listener: TcpListener,
    take: F,
    stop: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error>
where
    F: Fn(ExportTraceServiceRequest) -> Result<(), Status> + Send + Sync + 'static,
{
    let service = TraceServiceServer::new(Service { take }).max_decoding_message_size(MESSAGE_BYTES_MAX);
    tonic::transport::Server::builder()
        .add_service(service)
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), stop)
        .await
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
impl<F> TraceService for Service<F>
where
    F: Fn(ExportTraceServiceRequest) -> Result<(), Status> + Send + Sync + 'static,
{
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        (self.take)(request.into_inner())?;
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}
