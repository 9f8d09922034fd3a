//! What can be wrong with a manifest.

use std::fmt;

use super::{HandlerType, ServiceType};
use crate::content_type::VersionError;

/// Why a manifest is refused.
#[derive(Clone, Debug, PartialEq)]
pub enum ManifestError {
    /// The response is not a manifest of a version that was asked for.
    ContentType {
        /// The header.
        content_type: String,
    },
    /// The body is not JSON of the right shape.
    Json(String),
    /// The manifest does not say how requests and responses overlap.
    NoProtocolMode,
    /// `protocolMode` has a foreign value.
    UnknownProtocolMode {
        /// The value.
        mode: String,
    },
    /// A protocol version is not a number that a version can have.
    VersionNumber {
        /// The number.
        version: i64,
    },
    /// There is no common version of the service protocol.
    Version(VersionError),
    /// A service has a name it may not have.
    ServiceName {
        /// The name.
        service: String,
    },
    /// Two services have one name.
    DuplicateService {
        /// The name.
        service: String,
    },
    /// A service has a foreign type.
    UnknownServiceType {
        /// The service.
        service: String,
        /// The type.
        ty: String,
    },
    /// Something is wrong with a handler.
    Handler {
        /// The service.
        service: String,
        /// The handler.
        handler: String,
        /// What is wrong.
        problem: HandlerProblem,
    },
    /// Something is wrong with the options of a service.
    ServiceOptions {
        /// The service.
        service: String,
        /// What is wrong.
        problem: OptionsProblem,
    },
}

/// What is wrong with a handler.
#[derive(Clone, Debug, PartialEq)]
pub enum HandlerProblem {
    /// It has a name it may not have.
    Name,
    /// Another handler has the same name.
    Duplicate,
    /// It has a foreign type.
    UnknownType {
        /// The type.
        ty: String,
    },
    /// It has a type that does not fit the service.
    TypeMismatch {
        /// Type of the handler.
        ty: HandlerType,
        /// Type of the service.
        service_ty: ServiceType,
    },
    /// The workflow has a run already.
    SecondRun {
        /// The handler that is the run.
        first: String,
    },
    /// It says how long the result of a workflow is kept, but is not the run of one.
    WorkflowRetention {
        /// The duration in milliseconds.
        retention_ms: u64,
    },
    /// Its options are wrong.
    Options(OptionsProblem),
}

/// What is wrong with options.
#[derive(Clone, Debug, PartialEq)]
pub enum OptionsProblem {
    /// The factor of the retry policy is not above 0.
    Factor {
        /// The factor.
        factor: f64,
    },
    /// The retry policy allows not even one attempt.
    NoAttempts,
    /// `retryPolicyOnMaxAttempts` has a foreign value.
    UnknownOnMaxAttempts {
        /// The value.
        value: String,
    },
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ContentType { content_type } => {
                write!(
                    f,
                    "content type {content_type:?} is not a manifest that was asked for"
                )
            }
            Self::Json(error) => write!(f, "manifest cannot be read: {error}"),
            Self::NoProtocolMode => write!(f, "manifest has no protocolMode"),
            Self::UnknownProtocolMode { mode } => write!(f, "unknown protocolMode {mode:?}"),
            Self::VersionNumber { version } => write!(f, "protocol version {version} is out of range"),
            Self::Version(error) => error.fmt(f),
            Self::ServiceName { service } => write!(f, "bad service name {service:?}"),
            Self::DuplicateService { service } => write!(f, "service {service} appears twice"),
            Self::UnknownServiceType { service, ty } => {
                write!(f, "service {service} has unknown type {ty:?}")
            }
            Self::Handler {
                service,
                handler,
                problem,
            } => {
                write!(f, "handler {handler:?} of service {service}: {problem}")
            }
            Self::ServiceOptions { service, problem } => write!(f, "service {service}: {problem}"),
        }
    }
}

impl fmt::Display for HandlerProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => write!(f, "bad name"),
            Self::Duplicate => write!(f, "appears twice"),
            Self::UnknownType { ty } => write!(f, "unknown type {ty:?}"),
            Self::TypeMismatch { ty, service_ty } => {
                write!(f, "type {} does not fit a {}", ty.name(), service_ty.name())
            }
            Self::SecondRun { first } => write!(f, "the workflow is run by {first} already"),
            Self::WorkflowRetention { retention_ms } => {
                write!(
                    f,
                    "workflowCompletionRetention {retention_ms} on a handler that runs no workflow"
                )
            }
            Self::Options(problem) => problem.fmt(f),
        }
    }
}

impl fmt::Display for OptionsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Factor { factor } => write!(f, "retryPolicyExponentiationFactor {factor} is not above 0"),
            Self::NoAttempts => write!(f, "retryPolicyMaxAttempts 0 allows no attempt"),
            Self::UnknownOnMaxAttempts { value } => write!(f, "unknown retryPolicyOnMaxAttempts {value:?}"),
        }
    }
}

impl std::error::Error for ManifestError {}
