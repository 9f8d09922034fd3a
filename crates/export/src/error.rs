//! What can be wrong with a reporter's set-up. Nothing here happens once it runs.

use std::fmt;
use std::path::{Path, PathBuf};

use everspan_trace::ReporterError;

/// Options that cannot work. Values that may be secrets are never shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportError {
    /// Not a URL with a scheme and a host.
    BadEndpoint {
        /// The value that was given, without credentials.
        endpoint: String,
    },
    /// A URL whose scheme is not one of `http`, `https`, `grpc`, `grpcs`.
    UnknownScheme {
        /// The value that was given.
        endpoint: String,
    },
    /// A URL with a user name or a password.
    CredentialsInEndpoint {
        /// The value that was given, without them.
        endpoint: String,
    },
    /// A header that HTTP cannot carry.
    BadHeader {
        /// The name of the header; its value may be a secret.
        name: String,
    },
    /// A header that belongs to the protocol.
    ReservedHeader {
        /// The name of the header.
        name: String,
    },
    /// A file that cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// A file that holds no usable certificate.
    BadCertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file that holds no usable private key.
    BadKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A client certificate that nobody could prove to own.
    CertificateWithoutKey {
        /// The file with the certificate.
        path: PathBuf,
    },
    /// A private key without the certificate it belongs to.
    KeyWithoutCertificate {
        /// The file with the key.
        path: PathBuf,
    },
    /// An encrypted connection, and nobody to trust.
    NoSystemCertificates {
        /// Why none was loaded.
        reason: String,
    },
    /// A folder in which no file can be written.
    UnwritablePath {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// A reporter that did not open.
    Reporter {
        /// Its name.
        name: String,
        /// What it said.
        error: ReporterError,
    },
    /// The system gave no thread to a reporter.
    NoThread {
        /// The name of the thread.
        name: String,
        /// What the system says.
        reason: String,
    },
    /// A directory or file of a reporter that cannot be used.
    Spool {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

impl ExportError {
    pub(crate) fn spool(path: &Path, why: impl fmt::Display) -> Self {
        Self::Spool {
            path: path.to_owned(),
            why: why.to_string(),
        }
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
            Self::UnknownScheme { endpoint } => write!(
                f,
                "tracing endpoint `{endpoint}` must start with http://, https://, grpc:// or grpcs://"
            ),
            Self::CredentialsInEndpoint { endpoint } => {
                write!(f, "tracing endpoint `{endpoint}` holds credentials: use a header")
            }
            Self::BadHeader { name } => write!(f, "tracing header `{name}` cannot be sent over http"),
            Self::ReservedHeader { name } => {
                write!(f, "tracing header `{name}` is written by the exporter itself")
            }
            Self::Unreadable { path, reason } => write!(f, "`{}` cannot be read: {reason}", path.display()),
            Self::BadCertificate { path, reason } => write!(f, "certificate `{}`: {reason}", path.display()),
            Self::BadKey { path, reason } => write!(f, "private key `{}`: {reason}", path.display()),
            Self::CertificateWithoutKey { path } => {
                write!(f, "client certificate `{}` needs a key", path.display())
            }
            Self::KeyWithoutCertificate { path } => {
                write!(f, "private key `{}` needs a certificate", path.display())
            }
            Self::NoSystemCertificates { reason } => write!(
                f,
                "this system has no certificates to trust, name a file of them: {reason}"
            ),
            Self::UnwritablePath { path, reason } => {
                write!(
                    f,
                    "trace files cannot be written to `{}`: {reason}",
                    path.display()
                )
            }
            Self::Reporter { name, error } => write!(f, "trace reporter `{name}`: {error}"),
            Self::NoThread { name, reason } => write!(f, "no thread for `{name}`: {reason}"),
            Self::Spool { path, why } => write!(f, "trace spool `{}` cannot be used: {why}", path.display()),
        }
    }
}

impl std::error::Error for ExportError {}
