//! How an OTLP destination is set up.

use std::collections::BTreeMap;
use std::time::Duration;

use everspan_trace::KeyValue;
use http::Uri;
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue, MetadataMap};
use tonic::transport::Endpoint;

use crate::ExportError;

/// How to reach an OTLP/gRPC collector.
#[derive(Clone, Debug, PartialEq)]
pub struct OtlpOptions {
    /// `http://HOST:PORT` or `grpc://HOST:PORT`.
    pub endpoint: String,
    /// Sent with every request, such as `authorization`. Values are never logged.
    pub headers: BTreeMap<String, String>,
    /// The longest time one request may take.
    pub timeout: Duration,
    /// Describes this process: `service.name` and the like.
    pub resource: Vec<KeyValue>,
}

impl OtlpOptions {
    /// The defaults for `endpoint`: 10 s, no headers, no resource.
    pub fn new(endpoint: impl Into<String>) -> Self {
        Self {
            endpoint: endpoint.into(),
            headers: BTreeMap::new(),
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

#[cfg(test)]
mod tests;
