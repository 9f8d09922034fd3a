//! One HTTP client for all three protocols: a POST, bounded in time and size.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::ClientConfig;
use tokio::time::{Instant, timeout};

use super::Protocol;
use super::connection::Connection;

/// An answer is a few fields; what is longer is no OTLP.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Notices that a silent connection is gone before a batch needs it.
const TCP_KEEPALIVE: Duration = Duration::from_secs(30);

/// One connection to the collector, made when it is needed and again when it broke.
pub(super) struct Client {
    protocol: Protocol,
    connector: HttpsConnector<HttpConnector>,
    connection: Option<Connection>,
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
            connection: None,
            timeout,
        }
    }

    /// The future may be dropped half-way: the next call opens another connection.
    pub(super) async fn post(
        &mut self,
        uri: &Uri,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Answer, NoAnswer> {
        let begun = Instant::now();
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = headers.clone();
        let (response, connection) = match timeout(self.timeout, self.send(request)).await {
            Ok(answered) => answered?,
            Err(_) => {
                let millis = self.timeout.as_millis();
                return Err(NoAnswer(format!("no answer within {millis} ms")));
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
        // What is left of an answer stands in the way of the next one.
        self.connection = body.is_some().then_some(connection);
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
            trailers,
        })
    }

    /// The connection belongs to the response until that is read.
    async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<(Response<Incoming>, Connection), NoAnswer> {
        let mut connection = self.connection(request.uri()).await?;
        match connection.send(request).await {
            Ok(response) => Ok((response, connection)),
            Err(error) => Err(NoAnswer(connection.reason(error).await)),
        }
    }

    /// The one that is open, or another.
    async fn connection(&mut self, uri: &Uri) -> Result<Connection, NoAnswer> {
        if let Some(mut connection) = self.connection.take()
            && connection.is_usable().await
        {
            return Ok(connection);
        }
        Connection::open(&mut self.connector, self.protocol, uri)
            .await
            .map_err(NoAnswer)
    }
}
