//! The HTTP endpoint of a job, on loopback unless told otherwise.
//!
//! ```text
//!   GET  /status                 state, tasks, figures of every subtask          JSON
//!   GET  /checkpoints            counts and the latest of them                   JSON
//!   GET  /metrics                the same for Prometheus                         text
//!   POST /savepoint              makes one, answers when it has completed        JSON
//!   POST /stop-with-savepoint    makes one, with which the job ends              JSON
//!   POST /cancel                 ends the job now                                JSON
//! ```
//!
//! Whoever can connect may do all of it. Requests that a web page of somebody else makes in a browser are refused.

mod answer;
mod checkpoints;
mod metrics;
mod routes;
mod status;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use everspan_export::Reporters;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::runtime::JobControl;

/// Connections at a time; further ones wait in the system's queue.
const CONNECTIONS_MAX: usize = 64;
/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// What the endpoint tells of, and whom it asks.
pub(crate) struct Endpoint {
    pub(crate) name: String,
    pub(crate) control: JobControl,
    pub(crate) reporters: Arc<Reporters>,
}

/// Listens at the address. When the port is taken and `any_port` is allowed instead, at a free one.
pub(crate) async fn listen(address: SocketAddr, or_any_port: bool) -> io::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && or_any_port => {
            TcpListener::bind(SocketAddr::new(address.ip(), 0)).await
        }
        bound => bound,
    }
}

/// Serves until the task is dropped.
pub(crate) async fn serve(listener: TcpListener, endpoint: Arc<Endpoint>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let permit = Arc::clone(&room).acquire_owned().await;
        let permit = permit.expect("nobody closes the semaphore");
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(connection(stream, endpoint.clone(), permit))),
            // Of one connection, or no file is free: neither is better at once.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn connection(stream: TcpStream, endpoint: Arc<Endpoint>, _permit: OwnedSemaphorePermit) {
    let service = service_fn(move |request| {
        let endpoint = endpoint.clone();
        async move { Ok::<_, Infallible>(routes::answer(&endpoint, &request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    // What a client does wrong on its connection is over with it.
    drop(served);
}

#[cfg(test)]
mod tests;
