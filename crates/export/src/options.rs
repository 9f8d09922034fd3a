//! How an exporter is set up, and what can be wrong with it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use everspan_trace::KeyValue;
use http::Uri;
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue, MetadataMap};
use tonic::transport::Endpoint;

/// How to reach an OTLP/gRPC collector, and how much may wait for it.
#[derive(Clone, Debug, PartialEq)]
pub struct OtlpOptions {
    /// `http://HOST:PORT` or `grpc://HOST:PORT`.
    pub endpoint: String,
    /// Sent with every request, such as `authorization`. Values are never logged.
    pub headers: BTreeMap<String, String>,
    /// The longest time from the first span of a batch until the batch leaves.
    pub batch_delay: Duration,
    /// A batch with this many spans leaves at once.
    pub batch_spans_max: usize,
    /// The most bytes of encoded spans that wait in memory; beyond it new spans are dropped and counted.
    pub queue_bytes_max: usize,
    /// The longest time one request may take.
    pub timeout: Duration,
    /// Describes this process: `service.name` and the like.
    pub resource: Vec<KeyValue>,
}

/// Options that cannot work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportError {
    /// Not a URL with a scheme and a host.
    BadEndpoint {
        /// The value that was given.
        endpoint: String,
    },
    /// A URL whose scheme is not one of `http`, `https`, `grpc`.
    UnknownScheme {
        /// The value that was given.
        endpoint: String,
    },
    /// A URL that asks for TLS.
    TlsNotSupported {
        /// The value that was given.
        endpoint: String,
    },
    /// A header that HTTP cannot carry.
    BadHeader {
        /// The name of the header; its value may be a secret.
        name: String,
    },
}

impl OtlpOptions {
    /// The defaults for `endpoint`: 200 ms, 1024 spans, 16 MiB, 10 s, no headers, no resource.
    pub fn new(endpoint: impl Into<String>) -> Self {
        Self {
            endpoint: endpoint.into(),
            headers: BTreeMap::new(),
            batch_delay: Duration::from_millis(200),
            batch_spans_max: 1024,
            queue_bytes_max: 16 * 1024 * 1024,
            timeout: Duration::from_secs(10),
            resource: Vec::new(),
        }
    }

    pub(crate) fn checked_endpoint(&self) -> Result<Endpoint, ExportError> {
        let endpoint = || self.endpoint.clone();
        let bad_endpoint = || ExportError::BadEndpoint { endpoint: endpoint() };
        let uri: Uri = self.endpoint.parse().map_err(|_| bad_endpoint())?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(bad_endpoint());
        };
        match scheme {
            "http" | "grpc" => {}
            "https" => return Err(ExportError::TlsNotSupported { endpoint: endpoint() }),
            _ => return Err(ExportError::UnknownScheme { endpoint: endpoint() }),
        }
        Endpoint::from_shared(format!("http://{authority}"))
            .and_then(|endpoint| endpoint.user_agent(concat!("Everspan/", env!("CARGO_PKG_VERSION"))))
            .map(|endpoint| endpoint.connect_timeout(self.timeout))
            .map_err(|_| bad_endpoint())
    }

    pub(crate) fn checked_headers(&self) -> Result<MetadataMap, ExportError> {
        let mut metadata = MetadataMap::new();
        for (name, value) in &self.headers {
            let bad_header = || ExportError::BadHeader { name: name.clone() };
            let key =
                AsciiMetadataKey::from_bytes(name.to_lowercase().as_bytes()).map_err(|_| bad_header())?;
            let value = AsciiMetadataValue::try_from(value.as_str()).map_err(|_| bad_header())?;
            metadata.insert(key, value);
        }
        Ok(metadata)
    }
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadEndpoint { endpoint } => {
                write!(
                    f,
                    "tracing endpoint `{endpoint}` is not a url such as http://localhost:4317"
                )
            }
            Self::UnknownScheme { endpoint } => {
                write!(
                    f,
                    "tracing endpoint `{endpoint}` must start with http:// or grpc://"
                )
            }
            Self::TlsNotSupported { endpoint } => {
                write!(
                    f,
                    "tracing endpoint `{endpoint}` asks for tls, which is not supported yet: use http://"
                )
            }
            Self::BadHeader { name } => write!(f, "tracing header `{name}` cannot be sent over http"),
        }
    }
}

impl std::error::Error for ExportError {}

#[cfg(test)]
mod tests;
