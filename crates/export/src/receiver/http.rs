//! OTLP/HTTP: the request is read in its form, the answer is written in the same.

use std::future::Future;
use std::io::Read;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

use super::{Answer, MESSAGE_BYTES_MAX, response};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

pub(super) async fn export<F, A>(State(take): State<F>, headers: HeaderMap, body: Bytes) -> Response
where
    F: Fn(ExportTraceServiceRequest) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Answer> + Send + 'static,
{
    let form = match headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes()) {
        Some(kind) if kind == PROTOBUF.as_bytes() => PROTOBUF,
        Some(kind) if kind == JSON.as_bytes() => JSON,
        _ => return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response(),
    };
    let request = match read(form, headers.get(CONTENT_ENCODING).is_some(), &body) {
        Ok(request) => request,
        Err(reason) => return (StatusCode::BAD_REQUEST, reason).into_response(),
    };
    match take(request).await {
        Answer::Take => taken(form, 0),
        Answer::TakeAllBut(rejected) => taken(form, rejected),
        Answer::NotNow { wait } => {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            let headers = [(RETRY_AFTER, seconds.to_string())];
            (StatusCode::TOO_MANY_REQUESTS, headers, "not now").into_response()
        }
        Answer::Refuse => (StatusCode::BAD_REQUEST, "not like this").into_response(),
    }
}

/// Every content encoding is taken for gzip.
fn read(form: &str, is_encoded: bool, body: &[u8]) -> Result<ExportTraceServiceRequest, String> {
    let mut plain = Vec::new();
    let body = if is_encoded {
        flate2::read::GzDecoder::new(body)
            .take(MESSAGE_BYTES_MAX as u64)
            .read_to_end(&mut plain)
            .map_err(|error| error.to_string())?;
        &plain
    } else {
        body
    };
    if form == JSON {
        serde_json::from_slice(body).map_err(|error| error.to_string())
    } else {
        ExportTraceServiceRequest::decode(body).map_err(|error| error.to_string())
    }
}

fn taken(form: &'static str, rejected: u64) -> Response {
    let answer = response(rejected);
    let body = match answer.partial_success.as_ref().filter(|_| form == JSON) {
        _ if form != JSON => answer.encode_to_vec(),
        None => b"{}".to_vec(),
        // 64-bit integers are strings in the JSON form of protobuf.
        Some(partial) => serde_json::json!({
            "partialSuccess": {
                "rejectedSpans": partial.rejected_spans.to_string(),
                "errorMessage": partial.error_message,
            },
        })
        .to_string()
        .into_bytes(),
    };
    ([(CONTENT_TYPE, form)], body).into_response()
}
