//! What is answered.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

pub(super) type Answer = Response<Full<Bytes>>;

pub(super) fn json(status: StatusCode, body: &Value) -> Answer {
    with_type(status, format!("{body}\n"), "application/json")
}

pub(super) fn error(status: StatusCode, message: &str) -> Answer {
    json(status, &json!({ "message": message }))
}

pub(super) fn text(body: String, content_type: &'static str) -> Answer {
    with_type(StatusCode::OK, body, content_type)
}

/// There is such a path, for another method.
pub(super) fn only(method: &'static str) -> Answer {
    let message = format!("this path takes {method} only");
    let mut answer = error(StatusCode::METHOD_NOT_ALLOWED, &message);
    answer
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(method));
    answer
}

fn with_type(status: StatusCode, body: String, content_type: &'static str) -> Answer {
    let mut answer = Response::new(Full::from(body));
    *answer.status_mut() = status;
    let value = HeaderValue::from_static(content_type);
    answer.headers_mut().insert(CONTENT_TYPE, value);
    answer
}
