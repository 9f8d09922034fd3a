//! The status of a gRPC call, read from headers that anyone may have written.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, StatusCode};
use percent_encoding::percent_decode;

use crate::retry_info;

/// gRPC writes binary headers without padding, and asks readers to take both forms.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A status code of gRPC, known or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code(pub(super) u32);

impl Code {
    pub(super) const OK: Self = Self(0);
    pub(super) const CANCELLED: Self = Self(1);
    pub(super) const UNKNOWN: Self = Self(2);
    pub(super) const DEADLINE_EXCEEDED: Self = Self(4);
    pub(super) const PERMISSION_DENIED: Self = Self(7);
    pub(super) const RESOURCE_EXHAUSTED: Self = Self(8);
    pub(super) const ABORTED: Self = Self(10);
    pub(super) const OUT_OF_RANGE: Self = Self(11);
    pub(super) const UNIMPLEMENTED: Self = Self(12);
    pub(super) const INTERNAL: Self = Self(13);
    pub(super) const UNAVAILABLE: Self = Self(14);
    pub(super) const DATA_LOSS: Self = Self(15);
    pub(super) const UNAUTHENTICATED: Self = Self(16);
}

const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// How a call ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) code: Code,
    message: String,
    /// The `google.rpc.RetryInfo` among the details.
    pub(super) retry_after: Option<Duration>,
}

impl Status {
    /// `None` when the headers hold no status.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let code = headers.get("grpc-status")?.to_str().ok();
        let code = code
            .and_then(|code| code.parse().ok())
            .map_or(Code::UNKNOWN, Code);
        let message = headers
            .get("grpc-message")
            .map_or(&b""[..], |value| value.as_bytes());
        let details = headers.get("grpc-status-details-bin");
        Some(Self {
            code,
            message: percent_decode(message).decode_utf8_lossy().into_owned(),
            retry_after: details.and_then(|value| asked_wait(value.as_bytes())),
        })
    }

    /// gRPC's own mapping: <https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md>
    pub(super) fn of_http(status: StatusCode) -> Self {
        let code = match status.as_u16() {
            400 => Code::INTERNAL,
            401 => Code::UNAUTHENTICATED,
            403 => Code::PERMISSION_DENIED,
            404 => Code::UNIMPLEMENTED,
            429 | 502 | 503 | 504 => Code::UNAVAILABLE,
            _ => Code::UNKNOWN,
        };
        Self {
            code,
            message: format!("HTTP {status} without a gRPC status"),
            retry_after: None,
        }
    }

    /// A whole answer with HTTP status 200 that says nothing.
    pub(super) fn missing() -> Self {
        Self {
            code: Code::UNKNOWN,
            message: "the answer holds no gRPC status".to_owned(),
            retry_after: None,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, message, .. } = self;
        let name = usize::try_from(code.0).ok().and_then(|code| NAMES.get(code));
        match name {
            Some(name) => f.write_str(name)?,
            None => write!(f, "gRPC status {}", code.0)?,
        }
        if message.is_empty() {
            return Ok(());
        }
        write!(f, ": {message}")
    }
}

fn asked_wait(encoded: &[u8]) -> Option<Duration> {
    retry_info::decode(&BASE64.decode(encoded).ok()?)
}
