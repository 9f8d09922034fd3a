//! What an answer over HTTP means: the OTLP specification, section "OTLP/HTTP Response".

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use prost::Message;
use serde_json::Value;

use super::client::{Answer, NoAnswer};
use super::grpc::{ExportResponse, PartialSuccess};
use crate::Delivery;

/// Of what a collector says, so much goes to the log.
const MESSAGE_CHARS_MAX: usize = 300;

/// `google.rpc.Status`, which explains a failure.
#[derive(Message)]
struct RpcStatus {
    #[prost(string, tag = "2")]
    message: String,
}

pub(super) fn meaning(answer: Result<Answer, NoAnswer>) -> Delivery {
    let answer = match answer {
        Ok(answer) => answer,
        Err(NoAnswer(why)) => return Delivery::Later { wait: None, why },
    };
    match answer.status.as_u16() {
        200..=299 => taken(&answer),
        429 | 502 | 503 | 504 => Delivery::Later {
            wait: asked_wait(&answer.headers, SystemTime::now()),
            why: failure(&answer),
        },
        _ => Delivery::Refused {
            why: failure(&answer),
        },
    }
}

/// The status has said that the batch was taken: an answer that cannot be read is no reason to send it again.
fn taken(answer: &Answer) -> Delivery {
    let Some(body) = answer.body.as_ref().filter(|body| !body.is_empty()) else {
        return Delivery::taken();
    };
    let partial = match Form::of(&answer.headers) {
        Form::Protobuf => ExportResponse::decode(&body[..])
            .map(|response| response.partial_success)
            .map_err(|error| error.to_string()),
        Form::Json => serde_json::from_slice(body)
            .map(|response: Value| response.get("partialSuccess").map(partial_success))
            .map_err(|error| error.to_string()),
        Form::Other => Ok(None),
    };
    match partial {
        Ok(partial) => partial.map_or_else(Delivery::taken, PartialSuccess::into_delivery),
        Err(error) => Delivery::Taken {
            rejected: 0,
            message: Some(format!("unreadable answer: {error}")),
        },
    }
}

fn partial_success(partial: &Value) -> PartialSuccess {
    // JSON of protobuf has 64-bit numbers as strings; not everyone keeps to it.
    let rejected = match partial.get("rejectedSpans") {
        Some(Value::String(text)) => text.parse().ok(),
        other => other.and_then(Value::as_i64),
    };
    let message = partial.get("errorMessage").and_then(Value::as_str);
    PartialSuccess {
        rejected_spans: rejected.unwrap_or(0),
        error_message: message.unwrap_or_default().to_owned(),
    }
}

/// How a body is written.
enum Form {
    Protobuf,
    Json,
    Other,
}

impl Form {
    fn of(headers: &HeaderMap) -> Self {
        let kind = headers
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .and_then(|kind| kind.split(';').next())
            .map(|kind| kind.trim().to_ascii_lowercase());
        match kind.as_deref() {
            Some("application/x-protobuf" | "application/protobuf") => Self::Protobuf,
            Some("application/json") => Self::Json,
            _ => Self::Other,
        }
    }
}

/// The HTTP status, and what the collector said about it.
fn failure(answer: &Answer) -> String {
    let status = answer.status;
    let said = if status.is_redirection() {
        let place = answer.headers.get(LOCATION).map(|place| place.as_bytes());
        let place = String::from_utf8_lossy(place.unwrap_or_default()).into_owned();
        format!("redirects to `{place}` are not followed")
    } else {
        said(answer)
    };
    match shortened(&said) {
        said if said.is_empty() => format!("HTTP {status}"),
        said => format!("HTTP {status}: {said}"),
    }
}

fn said(answer: &Answer) -> String {
    let body = answer.body.clone().unwrap_or_default();
    match Form::of(&answer.headers) {
        Form::Protobuf => RpcStatus::decode(body).map_or_else(|_| String::new(), |status| status.message),
        Form::Json => json_message(&body),
        Form::Other => String::from_utf8_lossy(&body).into_owned(),
    }
}

fn json_message(body: &Bytes) -> String {
    let message = serde_json::from_slice(body)
        .ok()
        .and_then(|status: Value| status.get("message")?.as_str().map(str::to_owned));
    message.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned())
}

/// One line for the log.
fn shortened(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words
        .join(" ")
        .chars()
        .filter(|character| !character.is_control())
        .take(MESSAGE_CHARS_MAX)
        .collect()
}

/// `Retry-After`: seconds, or a date.
fn asked_wait(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let then = httpdate::parse_http_date(text).ok()?;
    Some(then.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests;
