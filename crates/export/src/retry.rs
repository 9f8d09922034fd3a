//! What a failed request means: try again, when, or give up.

use std::time::Duration;

use prost::Message;
use tonic::{Code, Status};

/// A collector reports a batch that is too large for it with the same codes as a passing shortage. Without a word on
/// when to come back, this many attempts tell the two apart.
const DOUBTFUL_ATTEMPTS_MAX: u32 = 8;

/// What to do after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Send the same batch again, after this time if the collector named one.
    Retry(Option<Duration>),
    /// The collector will never take this batch.
    GiveUp,
}

/// The verdict on attempt number `attempt` (from 1) of a batch.
pub(crate) fn verdict(status: &Status, attempt: u32) -> Verdict {
    let asked = asked_wait(status.details());
    let is_local_failure = std::error::Error::source(status).is_some();
    let retries = match status.code() {
        _ if is_local_failure => true,
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Aborted | Code::DataLoss => true,
        Code::ResourceExhausted | Code::OutOfRange => asked.is_some() || attempt < DOUBTFUL_ATTEMPTS_MAX,
        _ => false,
    };
    if retries {
        Verdict::Retry(asked)
    } else {
        Verdict::GiveUp
    }
}

/// The `google.rpc.RetryInfo` among the details of a status.
fn asked_wait(details: &[u8]) -> Option<Duration> {
    let status = RpcStatus::decode(details).ok()?;
    let info = status
        .details
        .iter()
        .find(|any| any.type_url.ends_with("/google.rpc.RetryInfo"))?;
    let delay = RetryInfo::decode(&info.value[..]).ok()?.retry_delay?;
    let seconds = Duration::from_secs(u64::try_from(delay.seconds).ok()?);
    let nanos = Duration::from_nanos(u64::try_from(delay.nanos).ok()?);
    Some(seconds.saturating_add(nanos))
}

/// `google.rpc.Status`, as far as it is read.
#[derive(Message)]
struct RpcStatus {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// `google.protobuf.Any`.
#[derive(Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<ProtoDuration>,
}

/// `google.protobuf.Duration`.
#[derive(Message)]
struct ProtoDuration {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[cfg(test)]
mod tests;
