//! The HTTP request of an attempt.

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
        .header("x-restate-invocation-id", start.id.to_string());
    if let Some(key) = &start.target.key {
        request = request.header("x-restate-service-key", utf8_percent_encode(key, KEY).to_string());
    }
    if start.span.trace_id.is_valid() && start.span.span_id.is_valid() {
        request = request.header("traceparent", start.span.traceparent());
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
    request
        .body(())
        .map_err(|error| format!("the attempt's request cannot be made: {error}"))
}
