//! An HTTP/1.1 client for one request at a time: what the commands and the demo ask of a server.
//!
//! Errors say what the reader can do next; every exchange is bounded in time and size.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::uri::Scheme;
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// A server, by its address.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    url: String,
    host: String,
    port: u16,
    base: String,
    patience: Duration,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Why there is no good answer.
#[derive(Debug)]
pub(crate) enum ClientError {
    /// The address is none: the user's mistake.
    Url { url: String, why: String },
    /// Nothing listens there.
    Unreachable { url: String, why: String },
    /// Something listens and does not answer as a server does.
    Broken { url: String, why: String },
    /// The server says no.
    Refused { status: StatusCode, message: String },
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url { url, why } => write!(
                f,
                "the server address {url:?} {why}; expected one such as http://127.0.0.1:9070"
            ),
            Self::Unreachable { url, why } => write!(
                f,
                "no server answers at {url} ({why})\n  start one with `everspan`, or name its admin address with --admin-url or EVERSPAN_ADMIN_URL"
            ),
            Self::Broken { url, why } => write!(f, "the server at {url} did not answer: {why}"),
            Self::Refused { status, message } if message.is_empty() => {
                write!(f, "the server answered {status}")
            }
            Self::Refused { message, .. } => f.write_str(message),
        }
    }
}

impl Client {
    /// A client of the server at `url`, such as `http://127.0.0.1:9070`.
    pub(crate) fn new(url: &str) -> Result<Self, ClientError> {
        let bad = |why: &str| ClientError::Url {
            url: url.to_owned(),
            why: why.to_owned(),
        };
        let parsed: Uri = url.trim().parse().map_err(|_| bad("is no URL"))?;
        match parsed.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => {}
            Some(_) => {
                return Err(bad(
                    "does not begin with http://, the one scheme this version speaks",
                ));
            }
            None => return Err(bad("has no http:// in front")),
        }
        let host = parsed
            .host()
            .filter(|host| !host.is_empty())
            .ok_or_else(|| bad("has no host"))?;
        Ok(Self {
            url: url.trim().trim_end_matches('/').to_owned(),
            host: host.trim_matches(['[', ']']).to_owned(),
            port: parsed.port_u16().unwrap_or(80),
            base: parsed.path().trim_end_matches('/').to_owned(),
            patience: ANSWER_TIMEOUT,
        })
    }

    /// Waits so long for an answer.
    pub(crate) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The address it was made with.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// `GET path`, as JSON; an answer that is no success is an error.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, ClientError> {
        let answer = self.exchange(Method::GET, path, None).await?.success()?;
        serde_json::from_slice(&answer.body)
            .map_err(|error| self.broken(format!("its answer is no JSON: {error}")))
    }

    /// Sends `method path` with JSON, if there is any; every answer is one.
    pub(crate) async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, ClientError> {
        let stream = self.connect().await?;
        tokio::time::timeout(self.patience, self.talk(stream, method, path, body))
            .await
            .map_err(|_| self.broken(format!("nothing within {:?}", self.patience)))?
    }

    async fn connect(&self) -> Result<TcpStream, ClientError> {
        let unreachable = |why: String| ClientError::Unreachable {
            url: self.url.clone(),
            why,
        };
        tokio::time::timeout(
            CONNECT_TIMEOUT,
            TcpStream::connect((self.host.as_str(), self.port)),
        )
        .await
        .map_err(|_| unreachable(format!("no connection within {CONNECT_TIMEOUT:?}")))?
        .map_err(|error| unreachable(plain(&error)))
    }

    async fn talk(
        &self,
        stream: TcpStream,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, ClientError> {
        let broken = |error: &dyn fmt::Display| self.broken(error.to_string());
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| broken(&error))?;
        let connection = tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(HOST, format!("{}:{}", self.host, self.port));
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = request
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| broken(&error))?;
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| broken(&error))?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX)
            .collect()
            .await
            .map_err(|error| self.broken(error.to_string()))?
            .to_bytes();
        connection.abort();
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        })
    }

    fn broken(&self, why: String) -> ClientError {
        ClientError::Broken {
            url: self.url.clone(),
            why,
        }
    }
}

impl Answer {
    /// Itself, or the server's message when its status is no success.
    pub(crate) fn success(self) -> Result<Self, ClientError> {
        if self.status.is_success() {
            return Ok(self);
        }
        let said: Option<Value> = serde_json::from_slice(&self.body).ok();
        let message = said
            .as_ref()
            .and_then(|said| said["message"].as_str())
            .unwrap_or_default();
        Err(ClientError::Refused {
            status: self.status,
            message: message.to_owned(),
        })
    }
}

/// The error without the number of the operating system.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text[..end].to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let check = |url: &str, host: &str, port: u16, base: &str| {
            let client = Client::new(url).unwrap();
            assert_eq!(
                (client.host.as_str(), client.port, client.base.as_str()),
                (host, port, base)
            );
        };
        check("http://127.0.0.1:9070", "127.0.0.1", 9070, "");
        check("http://[::1]:9070/", "::1", 9070, "");
        check("http://everspan.example/admin/", "everspan.example", 80, "/admin");
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        let check = |url: &str, part: &str| {
            let error = Client::new(url).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        };
        check("", "is no URL");
        check("localhost:9070", "has no http://");
        check("https://localhost:9070", "does not begin with http://");
        check("http://a b", "is no URL");
    }
}
