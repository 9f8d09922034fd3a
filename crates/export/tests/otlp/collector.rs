//! A collector whose answers a test may choose.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Response, Status};

/// How the collector answers one request.
#[derive(Clone, Copy)]
pub(crate) enum Answer {
    Take,
    TakeAllBut(i64),
    Refuse,
    Unavailable,
    ExhaustedFor(Duration),
    Never,
}

#[derive(Clone)]
pub(crate) struct Received {
    pub(crate) request: ExportTraceServiceRequest,
    metadata: MetadataMap,
}

pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    received: Vec<Received>,
    answers: VecDeque<Answer>,
}

/// An address at which nobody listens.
pub(crate) fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.metadata.get(name).unwrap().to_str().unwrap()
    }

    fn spans(&self) -> impl Iterator<Item = &Span> {
        self.request
            .resource_spans
            .iter()
            .flat_map(|resource| &resource.scope_spans)
            .flat_map(|scope| &scope.spans)
    }
}

impl Collector {
    pub(crate) async fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap()).await
    }

    pub(crate) async fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let (stop, stopped) = oneshot::channel();
        let service = TraceServiceServer::new(Service {
            state: Arc::clone(&state),
        });
        let server = tokio::spawn(async move {
            let stopped = async { stopped.await.unwrap_or(()) };
            tonic::transport::Server::builder()
                .add_service(service)
                .serve_with_incoming_shutdown(TcpListenerStream::new(listener), stopped)
                .await
                .unwrap();
        });
        Self {
            address,
            state,
            stop,
            server,
        }
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.server.await.unwrap();
    }

    /// The next requests are answered like this, those after them are taken.
    pub(crate) fn answer(&self, answers: impl IntoIterator<Item = Answer>) {
        self.state.lock().unwrap().answers.extend(answers);
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.state.lock().unwrap().received.clone()
    }

    /// The start times of all spans, sorted.
    pub(crate) fn starts(&self) -> Vec<u64> {
        let received = self.received();
        let mut starts: Vec<u64> = received
            .iter()
            .flat_map(Received::spans)
            .map(|span| span.start_time_unix_nano)
            .collect();
        starts.sort_unstable();
        starts
    }

    /// Whether so many spans arrive in time.
    pub(crate) async fn has_spans(&self, count: usize, limit: Duration) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < limit {
            if self.starts().len() >= count {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        false
    }
}

struct Service {
    state: Arc<Mutex<State>>,
}

#[tonic::async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let answer = self
            .state
            .lock()
            .unwrap()
            .answers
            .pop_front()
            .unwrap_or(Answer::Take);
        let rejected_spans = match answer {
            Answer::Take => 0,
            Answer::TakeAllBut(rejected) => rejected,
            Answer::Refuse => return Err(Status::invalid_argument("not like this")),
            Answer::Unavailable => return Err(Status::unavailable("come back later")),
            Answer::ExhaustedFor(wait) => return Err(exhausted_for(wait)),
            Answer::Never => std::future::pending().await,
        };
        let metadata = request.metadata().clone();
        let request = request.into_inner();
        self.state
            .lock()
            .unwrap()
            .received
            .push(Received { request, metadata });
        let partial = ExportTracePartialSuccess {
            rejected_spans,
            error_message: "some".into(),
        };
        let partial_success = (rejected_spans > 0).then_some(partial);
        Ok(Response::new(ExportTraceServiceResponse { partial_success }))
    }
}

/// `RESOURCE_EXHAUSTED` with a `google.rpc.RetryInfo` in its details.
fn exhausted_for(wait: Duration) -> Status {
    let retry_info = Nested {
        value: Pair {
            first: 0,
            second: wait.subsec_nanos(),
        }
        .encode_to_vec(),
    };
    let any = Any {
        type_url: "type.googleapis.com/google.rpc.RetryInfo".into(),
        value: retry_info.encode_to_vec(),
    };
    let details = RpcStatus { details: vec![any] };
    Status::with_details(Code::ResourceExhausted, "busy", details.encode_to_vec().into())
}

#[derive(Message)]
struct RpcStatus {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Message)]
struct Nested {
    #[prost(bytes = "vec", tag = "1")]
    value: Vec<u8>,
}

#[derive(Message)]
struct Pair {
    #[prost(uint64, tag = "1")]
    first: u64,
    #[prost(uint32, tag = "2")]
    second: u32,
}
