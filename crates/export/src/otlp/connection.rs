//! One connection to a collector. Its own end is the best reason to tell when a request fails on it: a collector that
//! wants a client certificate, for one, says so there and nowhere else.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::task::JoinHandle;
use tower_service::Service;

use super::Protocol;
use super::gathered::Gathered;
use super::last_words::{EndReason, LastWords};

/// An answer that does not come: the other end is asked whether it lives. Twice at most within the default timeout,
/// since gRPC servers hang up on those who ask more often.
const PING_INTERVAL: Duration = Duration::from_secs(4);
const PING_TIMEOUT: Duration = Duration::from_secs(4);
/// After a failed request the connection most often ends, too; so long is its reason waited for.
const REASON_WAIT: Duration = Duration::from_millis(100);

pub(super) struct Connection {
    requests: Requests,
    end: End,
    end_reason: EndReason,
}

/// The task that moves the bytes. Whatever it still has to send is in nobody's interest when the connection is dropped.
struct End(JoinHandle<hyper::Result<()>>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.abort();
    }
}

enum Requests {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Connection {
    /// The error is a reason in words.
    pub(super) async fn open(
        connector: &mut HttpsConnector<HttpConnector>,
        protocol: Protocol,
        uri: &Uri,
    ) -> Result<Self, String> {
        let stream = connector
            .call(uri.clone())
            .await
            .map_err(|error| chain(error.as_ref()))?;
        let stream = LastWords::of(TokioIo::new(stream));
        let end_reason = stream.end();
        match protocol {
            Protocol::Grpc => {
                let (stream, sending) = Gathered::of(stream);
                tokio::spawn(sending);
                http2::Builder::new(TokioExecutor::new())
                    .timer(TokioTimer::new())
                    .keep_alive_interval(PING_INTERVAL)
                    .keep_alive_timeout(PING_TIMEOUT)
                    .handshake(TokioIo::new(stream))
                    .await
                    .map(|(requests, connection)| Self {
                        requests: Requests::Http2(requests),
                        end: End(tokio::spawn(connection)),
                        end_reason,
                    })
            }
            Protocol::HttpProtobuf | Protocol::HttpJson => {
                http1::handshake(TokioIo::new(stream))
                    .await
                    .map(|(requests, connection)| Self {
                        requests: Requests::Http1(requests),
                        end: End(tokio::spawn(connection)),
                        end_reason,
                    })
            }
        }
        .map_err(|error| chain(&error))
    }

    /// Whether it has not ended since the last request.
    pub(super) async fn is_usable(&mut self) -> bool {
        let ready = match &mut self.requests {
            Requests::Http1(requests) => requests.ready().await,
            Requests::Http2(requests) => requests.ready().await,
        };
        ready.is_ok()
    }

    pub(super) async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        match &mut self.requests {
            Requests::Http1(requests) => requests.send_request(in_origin_form(request)).await,
            Requests::Http2(requests) => requests.send_request(request).await,
        }
    }

    /// Why a request failed, which may be why the connection ended.
    pub(super) async fn reason(mut self, error: hyper::Error) -> String {
        if let Some(reason) = self.end_reason.get() {
            return format!("connection error: {reason}");
        }
        drop(self.requests);
        match tokio::time::timeout(REASON_WAIT, &mut self.end.0).await {
            Ok(Ok(Err(end))) => chain(&end),
            _ => chain(&error),
        }
    }
}

/// HTTP/1.1 has the host in a header.
fn in_origin_form(mut request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
    let uri = request.uri().clone();
    let host = uri
        .authority()
        .map(|authority| HeaderValue::from_str(authority.as_str()));
    if let Some(Ok(host)) = host {
        request.headers_mut().entry(HOST).or_insert(host);
    }
    let path = uri.path_and_query().cloned();
    *request.uri_mut() = path.unwrap_or_else(|| PathAndQuery::from_static("/")).into();
    request
}

/// An error and what caused it, in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.ends_with(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}
