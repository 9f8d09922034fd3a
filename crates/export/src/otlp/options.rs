//! How an OTLP destination is set up.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use everspan_trace::KeyValue;

/// How to reach an OTLP collector. Names and meanings are those of OpenTelemetry's `OTEL_EXPORTER_OTLP_*` variables.
#[derive(Clone, PartialEq)]
pub struct OtlpOptions {
    /// What is spoken there.
    pub protocol: Protocol,
    /// `http://HOST:PORT` or `https://HOST:PORT`; `grpc` and `grpcs` are other words for the two, with port 4317 when
    /// none is written. A path counts for the HTTP protocols only: without one it is `/v1/traces`, and one that is
    /// written is taken as it is.
    pub endpoint: String,
    /// Sent with every request, such as `authorization`. Values are never logged.
    pub headers: BTreeMap<String, String>,
    /// Looked at for `https` only, but always checked.
    pub tls: TlsOptions,
    /// Of requests; answers are never compressed.
    pub compression: Compression,
    /// The longest time one request may take, connection included.
    pub timeout: Duration,
    /// Describes this process: `service.name` and the like.
    pub resource: Vec<KeyValue>,
}

/// The three forms of OTLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `TraceService/Export` over HTTP/2.
    Grpc,
    /// Binary bodies over HTTP/1.1.
    HttpProtobuf,
    /// OTLP/JSON bodies over HTTP/1.1.
    HttpJson,
}

/// How requests are made smaller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// With gzip, tuned for speed.
    Gzip,
}

/// Files in PEM form. Read once, at the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// Certificates that are trusted in place of the system's.
    pub ca: Option<PathBuf>,
    /// The certificate shown to the collector, followed by those that lead to its root; needs `key`.
    pub certificate: Option<PathBuf>,
    /// The private key of `certificate`.
    pub key: Option<PathBuf>,
}

impl OtlpOptions {
    /// The defaults for `endpoint`: gRPC, 10 s, no compression, no headers, the system's certificates, no resource.
    pub fn new(endpoint: impl Into<String>) -> Self {
        Self {
            protocol: Protocol::Grpc,
            endpoint: endpoint.into(),
            headers: BTreeMap::new(),
            tls: TlsOptions::default(),
            compression: Compression::None,
            timeout: Duration::from_secs(10),
            resource: Vec::new(),
        }
    }
}

impl fmt::Debug for OtlpOptions {
    /// Shows the names of headers, never their values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpOptions")
            .field("protocol", &self.protocol)
            .field("endpoint", &self.endpoint)
            .field("headers", &self.headers.keys())
            .field("tls", &self.tls)
            .field("compression", &self.compression)
            .field("timeout", &self.timeout)
            .field("resource", &self.resource)
            .finish()
    }
}
