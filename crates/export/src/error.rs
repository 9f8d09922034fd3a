//! What can be wrong with a reporter's set-up. Nothing here happens once it runs.

use std::fmt;

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
