//! The HTTP request of an attempt.

use std::fmt::Display;

use everspan_durable::effect::StartAttempt;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Request};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::config::Headers;
use crate::registry::Deployment;

const KEY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// `POST {base}/invoke/{service}/{handler}` with the headers of the service protocol; `Err` says which header of
/// the operator's cannot be sent.
pub(super) fn attempt_request(
    start: &StartAttempt,
    deployment: &Deployment,
    additional: &Headers,
) -> Result<Request<()>, String> {
    let path = format!("/invoke/{}/{}", start.target.service, start.target.handler);
    let content_type = HeaderValue::from_static(deployment.protocol.content_type());
    let mut request = Request::post(deployment.address.uri(&path))
        .header(CONTENT_TYPE, content_type.clone())
        .header(ACCEPT, content_type)
        .header("x-restate-invocation-id", once(&start.id.to_string())?);
    if let Some(key) = &start.target.key {
        request = request.header("x-restate-service-key", utf8_percent_encode(key, KEY).to_string());
    }
    if start.span.trace_id.is_valid() && start.span.span_id.is_valid() {
        request = request.header("traceparent", once(&start.span.traceparent())?);
        if !start.span.trace_state.is_empty() {
            request = request.header("tracestate", start.span.trace_state.as_str());
        }
    }
    for (name, value) in &additional.0 {
        request = request.header(name, value);
    }
    for (name, value) in &deployment.headers {
        request = request.header(name, value);
    }
    request.body(()).map_err(cannot_be_made)
}

/// A value that no other request has: HPACK need not remember it at the expense of those that all requests have
/// (RFC 7541, section 7.1.3).
fn once(value: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(value).map_err(cannot_be_made)?;
    value.set_sensitive(true);
    Ok(value)
}

fn cannot_be_made(error: impl Display) -> String {
    format!("the attempt's request cannot be made: {error}")
}
