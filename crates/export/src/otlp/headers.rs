//! The headers of every request: the protocol's own and the user's.

use std::time::Duration;

use http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TE, TRANSFER_ENCODING, USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Compression, OtlpOptions, Protocol};
use crate::ExportError;

const AGENT: &str = concat!("Everspan/", env!("CARGO_PKG_VERSION"));
/// What the protocols write themselves.
const OWN: [HeaderName; 6] = [
    CONNECTION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    TE,
    TRANSFER_ENCODING,
];

pub(super) fn of(options: &OtlpOptions) -> Result<HeaderMap, ExportError> {
    let protocol = options.protocol;
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    for (name, value) in &options.headers {
        let (name, value) = checked(protocol, name, value)?;
        headers.insert(name, value);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(protocol)));
    if protocol == Protocol::Grpc {
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert("grpc-timeout", grpc_timeout(options.timeout));
    }
    if options.compression == Compression::Gzip {
        let name = match protocol {
            Protocol::Grpc => HeaderName::from_static("grpc-encoding"),
            Protocol::HttpProtobuf | Protocol::HttpJson => CONTENT_ENCODING,
        };
        headers.insert(name, HeaderValue::from_static("gzip"));
    }
    Ok(headers)
}

fn content_type(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Grpc => "application/grpc",
        Protocol::HttpProtobuf => "application/x-protobuf",
        Protocol::HttpJson => "application/json",
    }
}

/// So that the collector, too, gives up in time. gRPC allows eight digits.
fn grpc_timeout(timeout: Duration) -> HeaderValue {
    const DIGITS_MAX: u128 = 99_999_999;
    let text = match timeout.as_millis() {
        millis @ ..=DIGITS_MAX => format!("{millis}m"),
        _ => format!("{}S", u128::from(timeout.as_secs()).min(DIGITS_MAX)),
    };
    HeaderValue::from_str(&text).expect("digits and a letter are a header")
}

fn checked(protocol: Protocol, name: &str, value: &str) -> Result<(HeaderName, HeaderValue), ExportError> {
    let bad_header = || ExportError::BadHeader {
        name: name.to_owned(),
    };
    let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad_header())?;
    // gRPC keeps names in `grpc-` for itself, and the values of `-bin` names are not text.
    let is_grpc_own =
        protocol == Protocol::Grpc && (key.as_str().starts_with("grpc-") || key.as_str().ends_with("-bin"));
    if is_grpc_own || OWN.contains(&key) {
        return Err(ExportError::ReservedHeader {
            name: name.to_owned(),
        });
    }
    let mut value = HeaderValue::from_str(value).map_err(|_| bad_header())?;
    value.set_sensitive(true);
    Ok((key, value))
}

#[cfg(test)]
mod tests;
