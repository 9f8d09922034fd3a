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
use tokio::net::TcpSocket;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// However slow the machine is.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

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

/// An address at which nobody listens yet, and that nobody else can get.
pub(crate) struct Place {
    socket: TcpSocket,
    pub(crate) address: SocketAddr,
}

impl Place {
    pub(crate) fn reserve() -> Self {
        Self::at("127.0.0.1:0".parse().unwrap())
    }

    fn at(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(address).unwrap();
        let address = socket.local_addr().unwrap();
        Self { socket, address }
    }

    /// The same address once more, for whoever comes next.
    pub(crate) fn again(&self) -> Self {
        Self::at(self.address)
    }
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
    pub(crate) fn start() -> Self {
        Self::start_at(Place::reserve())
    }

    pub(crate) fn start_at(Place { socket, address }: Place) -> Self {
        let listener = socket.listen(64).unwrap();
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

    /// Waits until so many spans have come; a test that fails does not hang.
    pub(crate) async fn until_spans(&self, count: usize) {
        let begun = Instant::now();
        while self.starts().len() < count {
            assert!(
                begun.elapsed() < PATIENCE,
                "{} of {count} spans",
                self.starts().len()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
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
            Answer::ExhaustedFor(wait) => {
                let retry_info = ErrorDetails::with_retry_info(Some(wait));
                return Err(Status::with_error_details(
                    Code::ResourceExhausted,
                    "busy",
                    retry_info,
                ));
            }
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
