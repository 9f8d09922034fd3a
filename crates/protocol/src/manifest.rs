//! The discovery manifest: what a deployment offers, told at `GET {base}/discover`.
//!
//! ```text
//! body ── serde ──► RawManifest ── check ──► Manifest
//!         shape: strings, numbers            names, types, ranges, durations
//! ```
//!
//! Fields this crate does not know are ignored, so that newer SDKs can be registered.

mod check;
mod error;
mod media_type;
mod names;
mod options;
mod raw;

use std::collections::BTreeMap;

use serde_json::Value;

pub use error::{HandlerProblem, ManifestError, OptionsProblem};
pub use media_type::{NEWEST_VERSION, OLDEST_VERSION, accept_header, media_type, version_of};
pub use options::{HandlerOptions, OnMaxAttempts, RetryOptions};
pub use raw::{RawHandler, RawInput, RawManifest, RawOptions, RawOutput, RawService};

/// A manifest that was checked: names are valid and unique, types fit, the protocol versions meet ours.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// How requests and responses overlap.
    pub mode: ProtocolMode,
    /// Oldest protocol version the deployment speaks.
    pub min_version: u16,
    /// Newest protocol version the deployment speaks.
    pub max_version: u16,
    /// The services, in the order of the manifest.
    pub services: Vec<Service>,
}

/// How request and response of an attempt overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolMode {
    /// Both stay open: results are told as they come.
    BidiStream,
    /// The request ends before the response begins: the SDK suspends to get results.
    RequestResponse,
}

/// What a service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceType {
    /// Handlers without key and state.
    Service,
    /// Handlers with key and state; exclusive ones run one at a time for each key.
    VirtualObject,
    /// One run for each key, and shared handlers to talk to it.
    Workflow,
}

/// How a handler of an object or a workflow runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandlerType {
    /// The run of a workflow, once for each key.
    Workflow,
    /// One at a time for each key; may write state.
    Exclusive,
    /// At any time; reads state only.
    Shared,
}

/// A service of a deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// What it is.
    pub ty: ServiceType,
    /// The handlers by name.
    pub handlers: BTreeMap<String, Handler>,
    /// For people.
    pub documentation: Option<String>,
    /// Pairs added by the user.
    pub metadata: BTreeMap<String, String>,
    /// Defaults for all handlers.
    pub options: HandlerOptions,
}

/// A handler of a service.
#[derive(Clone, Debug, PartialEq)]
pub struct Handler {
    /// Its name.
    pub name: String,
    /// How it runs; `None` exactly for handlers of plain services.
    pub ty: Option<HandlerType>,
    /// What it takes.
    pub input: HandlerInput,
    /// What it returns.
    pub output: HandlerOutput,
    /// For people.
    pub documentation: Option<String>,
    /// Pairs added by the user.
    pub metadata: BTreeMap<String, String>,
    /// Its own options; those not set are the service's: [`HandlerOptions::or`].
    pub options: HandlerOptions,
}

/// What a handler takes.
#[derive(Clone, Debug, PartialEq)]
pub enum HandlerInput {
    /// No body, no content type.
    Empty,
    /// A body.
    Body {
        /// Accepted content types, in the form of an `accept` header; `*/*` takes all.
        content_type: String,
        /// Whether an empty body is refused.
        required: bool,
        /// JSON schema of the body.
        json_schema: Option<Value>,
    },
}

/// What a handler returns.
#[derive(Clone, Debug, PartialEq)]
pub struct HandlerOutput {
    /// Content type of the response; `None` sets none.
    pub content_type: Option<String>,
    /// Whether an empty response has the content type too.
    pub set_content_type_if_empty: bool,
    /// JSON schema of the response.
    pub json_schema: Option<Value>,
}

impl Manifest {
    /// Reads and checks the body of a discovery response.
    pub fn from_json(body: &[u8]) -> Result<Self, ManifestError> {
        let raw = serde_json::from_slice(body).map_err(|error| ManifestError::Json(error.to_string()))?;
        Self::check(raw)
    }

    /// Checks a manifest whose shape is right.
    pub fn check(raw: RawManifest) -> Result<Self, ManifestError> {
        check::manifest(raw)
    }
}

impl ProtocolMode {
    /// The name in manifests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BidiStream => "BIDI_STREAM",
            Self::RequestResponse => "REQUEST_RESPONSE",
        }
    }
}

impl ServiceType {
    /// The name in manifests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Service => "SERVICE",
            Self::VirtualObject => "VIRTUAL_OBJECT",
            Self::Workflow => "WORKFLOW",
        }
    }

    /// Whether invocations have a key.
    pub const fn is_keyed(self) -> bool {
        !matches!(self, Self::Service)
    }
}

impl HandlerType {
    /// The name in manifests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Workflow => "WORKFLOW",
            Self::Exclusive => "EXCLUSIVE",
            Self::Shared => "SHARED",
        }
    }
}
