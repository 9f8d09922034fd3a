//! One HTTP client for all three protocols: a POST, bounded in time and size.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{self, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use tokio::time::{Instant, timeout};

use super::Protocol;

/// An answer is a few fields; what is longer is no OTLP.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// An answer that does not come: the other end is asked whether it lives. Twice at most within the default timeout,
/// since gRPC servers hang up on those who ask more often.
const PING_INTERVAL: Duration = Duration::from_secs(4);
const PING_TIMEOUT: Duration = Duration::from_secs(4);
/// Notices that a silent connection is gone before a batch needs it.
const TCP_KEEPALIVE: Duration = Duration::from_secs(30);

type Connections = legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Connections to the collector, made when they are needed and again when they broke.
pub(super) struct Client {
    protocol: Protocol,
    connector: HttpsConnector<HttpConnector>,
    connections: Option<Connections>,
    timeout: Duration,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// `None`: it broke off, was too long or too late.
    pub(super) body: Option<Bytes>,
    pub(super) trailers: HeaderMap,
}

/// No answer came back, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoAnswer(pub(super) String);

impl Client {
    pub(super) fn new(protocol: Protocol, tls: ClientConfig, timeout: Duration) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(TCP_KEEPALIVE));
        tcp.set_connect_timeout(Some(timeout));
        let builder = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
        let connector = match protocol {
            Protocol::Grpc => builder.enable_http2().wrap_connector(tcp),
            Protocol::HttpProtobuf | Protocol::HttpJson => builder.enable_http1().wrap_connector(tcp),
        };
        Self {
            protocol,
            connector,
            connections: None,
            timeout,
        }
    }

    pub(super) async fn post(
        &mut self,
        uri: &Uri,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Answer, NoAnswer> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = headers.clone();
        let begun = Instant::now();
        let response = match timeout(self.timeout, self.connections().request(request)).await {
            Ok(response) => response.map_err(|error| NoAnswer(chain(&error)))?,
            Err(_) => {
                // The connection may be dead without a word: the next attempt opens another.
                self.connections = None;
                return Err(NoAnswer(format!(
                    "no answer within {} ms",
                    self.timeout.as_millis()
                )));
            }
        };
        let (head, body) = response.into_parts();
        let time_left = self.timeout.saturating_sub(begun.elapsed());
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect();
        let (body, trailers) = match timeout(time_left, body).await {
            Ok(Ok(collected)) => {
                let trailers = collected.trailers().cloned();
                (Some(collected.to_bytes()), trailers.unwrap_or_default())
            }
            _ => (None, HeaderMap::new()),
        };
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
            trailers,
        })
    }

    fn connections(&mut self) -> &Connections {
        self.connections.get_or_insert_with(|| {
            legacy::Client::builder(TokioExecutor::new())
                .timer(TokioTimer::new())
                .pool_timer(TokioTimer::new())
                .http2_only(self.protocol == Protocol::Grpc)
                .http2_keep_alive_interval(PING_INTERVAL)
                .http2_keep_alive_timeout(PING_TIMEOUT)
                .build(self.connector.clone())
        })
    }
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
