//! `google.rpc.RetryInfo` in the details of a gRPC status: when a collector wants to be asked again.

use std::time::Duration;

use prost::Message;

#[cfg(any(test, feature = "receiver"))]
const TYPE_URL: &str = "type.googleapis.com/google.rpc.RetryInfo";

/// The wait that a `google.rpc.Status` asks for. `None` also when it is negative or the bytes are something else.
pub(crate) fn decode(status: &[u8]) -> Option<Duration> {
    let status = Status::decode(status).ok()?;
    let is_retry_info = |any: &&Any| any.type_url.ends_with("/google.rpc.RetryInfo");
    let info = status.details.iter().find(is_retry_info)?;
    let delay = RetryInfo::decode(&info.value[..]).ok()?.retry_delay?;
    let seconds = Duration::from_secs(u64::try_from(delay.seconds).ok()?);
    let nanos = Duration::from_nanos(u64::try_from(delay.nanos).ok()?);
    Some(seconds.saturating_add(nanos))
}

/// A `google.rpc.Status` that asks for a wait.
#[cfg(any(test, feature = "receiver"))]
pub(crate) fn encode(seconds: i64, nanos: i32) -> Vec<u8> {
    let info = RetryInfo {
        retry_delay: Some(ProtoDuration { seconds, nanos }),
    };
    let any = Any {
        type_url: TYPE_URL.to_owned(),
        value: info.encode_to_vec(),
    };
    Status { details: vec![any] }.encode_to_vec()
}

/// `google.rpc.Status`, as far as it is needed.
#[derive(Message)]
struct Status {
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
