//! A small HTTP client: one connection a request, or one HTTP/2 connection for many.

#![allow(dead_code, reason = "each test file uses a part of this world")]

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(40);

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// 0 when the connection ended without one.
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn none() -> Self {
        Self {
            status: 0,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }
}

fn made(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Request<Full<Bytes>> {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("http://{address}{path}"))
        .header("host", address);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::new(Bytes::copy_from_slice(body))).unwrap()
}

async fn read(response: Response<Incoming>) -> Answer {
    let (parts, body) = response.into_parts();
    match body.collect().await {
        Ok(body) => Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.to_bytes(),
        },
        Err(_) => Answer::none(),
    }
}

/// One request over HTTP/1.1 on a connection of its own.
pub(crate) async fn request(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let request = made(address, method, path, headers, body);
    let exchange = async {
        let Ok(stream) = TcpStream::connect(address).await else {
            return Answer::none();
        };
        let (mut sender, connection) = conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        let answer = match sender.send_request(request).await {
            Ok(response) => read(response).await,
            Err(_) => Answer::none(),
        };
        connection.abort();
        answer
    };
    in_time(&format!("{method} {path}"), exchange).await
}

/// The exchange, or a failure when it takes too long.
async fn in_time<T>(what: &str, exchange: impl Future<Output = T>) -> T {
    let answer = tokio::time::timeout(PATIENCE, exchange).await;
    answer.unwrap_or_else(|_| panic!("no answer to {what} after {PATIENCE:?}"))
}

/// An HTTP/2 connection without TLS or upgrade.
#[derive(Clone)]
pub(crate) struct Http2 {
    address: String,
    sender: conn::http2::SendRequest<Full<Bytes>>,
}

impl Http2 {
    pub(crate) async fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let handshake = conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (sender, connection) = in_time("the handshake", handshake).await.unwrap();
        tokio::spawn(connection);
        Self {
            address: address.to_owned(),
            sender,
        }
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        let request = made(&self.address, "POST", path, &[], body.as_bytes());
        let exchange = async {
            match self.sender.clone().send_request(request).await {
                Ok(response) => read(response).await,
                Err(_) => Answer::none(),
            }
        };
        in_time(&format!("POST {path}"), exchange).await
    }
}
