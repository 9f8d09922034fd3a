//! What an answer over gRPC means.
//!
//! The table of codes is that of the OTLP specification, section "Failures". It leaves one doubt: collectors report
//! a batch that is too large for them with the codes of a passing shortage. Without a word on when to come back,
//! several attempts tell the two apart.

mod status;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use prost::Message;

use super::client::{Answer, NoAnswer};
use crate::Delivery;
use status::{Code, Status};

/// With the pipeline's growing waits about ten seconds.
const DOUBTFUL_ATTEMPTS_MAX: u32 = 8;

/// How often in a row the same batch may have been too large, or the collector too busy.
#[derive(Default)]
pub(super) struct Doubts(u32);

/// `ExportTraceServiceResponse`.
#[derive(Message)]
pub(super) struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) partial_success: Option<PartialSuccess>,
}

/// `ExportTracePartialSuccess`.
#[derive(Message)]
pub(super) struct PartialSuccess {
    #[prost(int64, tag = "1")]
    pub(super) rejected_spans: i64,
    #[prost(string, tag = "2")]
    pub(super) error_message: String,
}

impl PartialSuccess {
    pub(super) fn into_delivery(self) -> Delivery {
        Delivery::Taken {
            rejected: u64::try_from(self.rejected_spans).unwrap_or(0),
            message: (!self.error_message.is_empty()).then_some(self.error_message),
        }
    }
}

pub(super) fn meaning(answer: Result<Answer, NoAnswer>, doubts: &mut Doubts) -> Delivery {
    let before = std::mem::take(&mut doubts.0);
    let answer = match answer {
        Ok(answer) => answer,
        Err(NoAnswer(why)) => return Delivery::Later { wait: None, why },
    };
    let Some(status) = status(&answer) else {
        let why = "the answer broke off".to_owned();
        return Delivery::Later { wait: None, why };
    };
    match status.code {
        Code::OK => taken(answer.body.unwrap_or_default()),
        Code::CANCELLED | Code::DEADLINE_EXCEEDED | Code::ABORTED | Code::UNAVAILABLE | Code::DATA_LOSS => {
            later(&status)
        }
        Code::RESOURCE_EXHAUSTED | Code::OUT_OF_RANGE if status.retry_after.is_some() => later(&status),
        Code::RESOURCE_EXHAUSTED | Code::OUT_OF_RANGE if before + 1 < DOUBTFUL_ATTEMPTS_MAX => {
            doubts.0 = before + 1;
            later(&status)
        }
        _ => Delivery::Refused {
            why: status.to_string(),
        },
    }
}

/// In the trailers; in the headers when there is no body; made of the HTTP status when something that speaks no gRPC
/// answered. `None`: the answer ended before its trailers.
fn status(answer: &Answer) -> Option<Status> {
    let told = |headers: &HeaderMap| Status::of(headers);
    if let Some(status) = told(&answer.trailers).or_else(|| told(&answer.headers)) {
        return Some(status);
    }
    match answer.status {
        StatusCode::OK => answer.body.as_ref().map(|_| Status::missing()),
        status => Some(Status::of_http(status)),
    }
}

fn later(status: &Status) -> Delivery {
    Delivery::Later {
        wait: status.retry_after,
        why: status.to_string(),
    }
}

/// The status has said that the batch was taken: an answer that cannot be read is no reason to send it again.
fn taken(body: Bytes) -> Delivery {
    // A flag that would tell of compression, which was not offered, and a length.
    const PREFIX_LEN: usize = 5;
    match body.get(PREFIX_LEN..).map(ExportResponse::decode) {
        None => Delivery::taken(),
        Some(Ok(response)) => response
            .partial_success
            .map_or_else(Delivery::taken, PartialSuccess::into_delivery),
        Some(Err(error)) => Delivery::Taken {
            rejected: 0,
            message: Some(format!("unreadable answer: {error}")),
        },
    }
}

#[cfg(test)]
mod tests;
