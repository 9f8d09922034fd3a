//! A collector that keeps every request, is slow at times, and away at times.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Response, Status};

/// What one request brought.
#[derive(Clone)]
pub(crate) struct Request {
    /// Which process sent it.
    pub(crate) life: u64,
    pub(crate) spans: BTreeMap<u64, Span>,
}

pub(crate) struct Collector {
    pub(crate) address: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    requests: Mutex<Vec<Request>>,
    is_away: AtomicBool,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State::default());
        let service = TraceServiceServer::new(Service(Arc::clone(&state)));
        tokio::spawn(
            tonic::transport::Server::builder()
                .add_service(service)
                .serve_with_incoming(TcpListenerStream::new(listener)),
        );
        Self { address, state }
    }

    pub(crate) fn set_away(&self, is_away: bool) {
        self.state.is_away.store(is_away, Ordering::Relaxed);
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.requests.lock().unwrap().clone()
    }
}

struct Service(Arc<State>);

#[tonic::async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        if self.0.is_away.load(Ordering::Relaxed) {
            return Err(Status::unavailable("away"));
        }
        let request = read(request.into_inner());
        let size = request.spans.len() as u64;
        self.0.requests.lock().unwrap().push(request);
        // The answer may come too late for a process that is killed meanwhile.
        tokio::time::sleep(Duration::from_millis(size % 4)).await;
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn read(request: ExportTraceServiceRequest) -> Request {
    let mut life = None;
    let mut spans = BTreeMap::new();
    for resource_spans in request.resource_spans {
        let resource = resource_spans.resource.unwrap();
        if let Some(Value::StringValue(text)) = resource.attributes[0].value.clone().unwrap().value {
            life = text.parse().ok();
        }
        for span in resource_spans
            .scope_spans
            .into_iter()
            .flat_map(|scope| scope.spans)
        {
            let twin = spans.insert(span.start_time_unix_nano, span);
            assert_eq!(twin, None, "a request has a span once");
        }
    }
    Request {
        life: life.unwrap(),
        spans,
    }
}
