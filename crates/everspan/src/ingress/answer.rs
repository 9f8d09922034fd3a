//! Responses: results, acceptances, and errors in the one shape clients know.

use bytes::Bytes;
use everspan_durable::record::{Failure, Outcome};
use everspan_protocol::ids::InvocationId;
use everspan_protocol::manifest::HandlerOutput;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

use super::HttpResponse;
use crate::worker::{Ended, Refusal};

const ID: HeaderName = HeaderName::from_static("x-restate-id");
const ERROR_SOURCE: HeaderName = HeaderName::from_static("x-restate-error-source");
const EXPIRES: HeaderName = HeaderName::from_static("idempotency-expires");

/// A request that is not answered with a result.
#[derive(Debug)]
pub(super) struct Failed {
    code: u16,
    message: String,
    source: &'static str,
    metadata: Vec<(String, String)>,
    id: Option<InvocationId>,
    retry_after_s: Option<u64>,
    /// Whether the request left a record, or may have: then its span is the record's.
    recorded: bool,
}

impl Failed {
    /// The ingress refuses.
    pub(super) fn new(code: u16, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            code,
            message,
            source: "ingress",
            metadata: Vec::new(),
            id: None,
            retry_after_s: None,
            recorded: false,
        }
    }

    /// The invocation ended with this failure.
    fn invocation(failure: Failure) -> Self {
        let Failure {
            code,
            message,
            metadata,
        } = failure;
        Self {
            code,
            message,
            source: "invocation",
            metadata,
            id: None,
            retry_after_s: None,
            recorded: true,
        }
    }

    /// Names the invocation.
    pub(super) fn of(self, id: InvocationId) -> Self {
        Self { id: Some(id), ..self }
    }

    /// Says that the invocation, not the ingress, is the source.
    pub(super) fn told_by_invocation(self) -> Self {
        Self {
            source: "invocation",
            ..self
        }
    }

    /// Says that the request left a record before it failed.
    pub(super) fn after_its_record(self) -> Self {
        Self {
            recorded: true,
            ..self
        }
    }

    /// Status and message of a request that left no record.
    pub(super) fn refusal(&self) -> Option<(u16, &str)> {
        (!self.recorded).then(|| (self.status().as_u16(), self.message.as_str()))
    }

    fn status(&self) -> StatusCode {
        let status = StatusCode::from_u16(self.code).ok();
        status
            .filter(|status| status.as_u16() >= 400)
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    pub(super) fn response(self) -> HttpResponse {
        let status = self.status().as_u16();
        let mut body = json!({ "code": self.code, "message": self.message, "source": self.source });
        if !self.metadata.is_empty() {
            body["metadata"] = self
                .metadata
                .into_iter()
                .map(|(key, value)| (key, Value::from(value)))
                .collect();
        }
        let mut response = json(status, &body);
        let headers = response.headers_mut();
        headers.insert(ERROR_SOURCE, HeaderValue::from_static(self.source));
        if let Some(id) = self.id {
            headers.insert(ID, id_value(&id));
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        let code = if refusal == Refusal::Overloaded { 429 } else { 503 };
        Self {
            retry_after_s: Some(1),
            recorded: refusal == Refusal::Cut,
            ..Self::new(code, refusal.to_string())
        }
    }
}

/// A result, with the content type its handler declares.
pub(super) fn ended(
    id: InvocationId,
    ended: Ended,
    output: Option<&HandlerOutput>,
) -> Result<HttpResponse, Failed> {
    let content = match ended.outcome {
        Outcome::Success(content) => content,
        Outcome::Failure(failure) => return Err(Failed::invocation(failure).of(id)),
    };
    let content_type = match output {
        Some(output) if content.is_empty() && !output.set_content_type_if_empty => None,
        Some(output) => output.content_type.as_deref(),
        None if content.is_empty() => None,
        None => Some("application/json"),
    };
    let mut response = Response::new(Full::new(content.clone()));
    let headers = response.headers_mut();
    headers.insert(ID, id_value(&id));
    if let Some(value) = content_type.and_then(|text| HeaderValue::from_str(text).ok()) {
        headers.insert(CONTENT_TYPE, value);
    }
    if let Some(expires_ms) = ended.expires_ms {
        let expires = HeaderValue::from_str(&rfc3339(expires_ms)).expect("a timestamp is ASCII");
        headers.insert(EXPIRES, expires);
    }
    Ok(response)
}

/// A one-way request was accepted.
pub(super) fn accepted(id: InvocationId, known: bool, execute_at_ms: Option<u64>) -> HttpResponse {
    let status = if known { "PreviouslyAccepted" } else { "Accepted" };
    let mut body = json!({ "invocationId": id.to_string(), "status": status });
    if let Some(at_ms) = execute_at_ms {
        body["executionTime"] = Value::from(rfc3339(at_ms));
    }
    let mut response = json(202, &body);
    response.headers_mut().insert(ID, id_value(&id));
    response
}

pub(super) fn json(status: u16, body: &Value) -> HttpResponse {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = StatusCode::from_u16(status).expect("the statuses used here exist");
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

pub(super) fn empty(status: u16) -> HttpResponse {
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = StatusCode::from_u16(status).expect("the statuses used here exist");
    response
}

/// Lets browsers of any origin call (Fetch standard, CORS protocol).
pub(super) fn allow_origins(response: &mut HttpResponse, preflight: bool) {
    let headers = response.headers_mut();
    let any = HeaderValue::from_static("*");
    headers.insert(http::header::ACCESS_CONTROL_ALLOW_ORIGIN, any.clone());
    headers.insert(http::header::ACCESS_CONTROL_EXPOSE_HEADERS, any.clone());
    if preflight {
        headers.insert(http::header::ACCESS_CONTROL_ALLOW_METHODS, any.clone());
        headers.insert(http::header::ACCESS_CONTROL_ALLOW_HEADERS, any);
    }
}

fn id_value(id: &InvocationId) -> HeaderValue {
    HeaderValue::from_str(&id.to_string()).expect("an id is ASCII")
}

/// RFC 3339 with nine digits, as clients expect it.
fn rfc3339(at_ms: u64) -> String {
    let at = i64::try_from(at_ms)
        .ok()
        .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    at.map(|timestamp| format!("{timestamp:.9}")).unwrap_or_default()
}
