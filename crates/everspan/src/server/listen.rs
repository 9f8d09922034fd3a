//! The listeners: accept, serve, stop when told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::{ServerError, failed};
use crate::ingress::Ingress;

/// How long open connections may go on after the stop began.
const GRACE: Duration = Duration::from_secs(1);
/// Silence of a client's connection after which it is probed.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// Binds; the error names the key to change.
pub(super) async fn bind(key: &str, address: SocketAddr) -> Result<TcpListener, ServerError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| failed(format!("{key} = {address}: {error}")))
}

/// Serves the ingress over HTTP/1.1 and HTTP/2 until told to stop; what is in flight may end.
pub(super) async fn ingress(listener: TcpListener, ingress: Arc<Ingress>, mut stop: watch::Receiver<bool>) {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().pipeline_flush(true);
    builder.http2().max_concurrent_streams(1000);
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped(&mut stop) => break,
        };
        let (stream, client) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "the ingress could not accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        if let Err(error) = tune(&stream) {
            tracing::debug!(%error, "options of a client's connection");
        }
        let ingress = Arc::clone(&ingress);
        let service = service_fn(move |request| {
            let ingress = Arc::clone(&ingress);
            async move { ingress.handle(request, Some(client)).await }
        });
        let connection = builder
            .serve_connection(TokioIo::new(stream), service)
            .into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a client's connection ended");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::debug!("clients were still connected at the end");
    }
}

/// Small answers leave at once; a client that is gone without a word is noticed, and its places are given up.
fn tune(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let probes = TcpKeepalive::new()
        .with_time(KEEP_ALIVE)
        .with_interval(KEEP_ALIVE / 4);
    SockRef::from(stream).set_tcp_keepalive(&probes)
}

/// Serves the admin API until told to stop.
pub(super) async fn admin(listener: TcpListener, routes: Router, mut stop: watch::Receiver<bool>) {
    let serve = axum::serve(listener, routes).with_graceful_shutdown(async move { stopped(&mut stop).await });
    if let Err(error) = serve.await {
        tracing::error!(%error, "the admin API ended");
    }
}

/// Returns when the server stops; a server that is gone has stopped.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|&stop| stop).await);
}
