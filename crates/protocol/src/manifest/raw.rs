//! The manifest as it stands in JSON, before anything is checked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A manifest, versions 2 to 4. Optional fields are absent or `null` in JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RawManifest {
    /// `BIDI_STREAM` or `REQUEST_RESPONSE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol_mode: Option<String>,
    /// Oldest protocol version the deployment speaks.
    pub min_protocol_version: i64,
    /// Newest protocol version the deployment speaks.
    pub max_protocol_version: i64,
    /// Compression of requests on Lambda.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lambda_compression: Option<String>,
    /// The services.
    pub services: Vec<RawService>,
}

/// A service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RawService {
    /// Its name.
    pub name: String,
    /// `SERVICE`, `VIRTUAL_OBJECT` or `WORKFLOW`.
    pub ty: String,
    /// The handlers.
    pub handlers: Vec<RawHandler>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documentation: Option<String>,
    /// Pairs added by the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<String, String>>,
    /// Defaults for all handlers.
    #[serde(flatten)]
    pub options: RawOptions,
}

/// A handler.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RawHandler {
    /// Its name.
    pub name: String,
    /// `WORKFLOW`, `EXCLUSIVE` or `SHARED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ty: Option<String>,
    /// What it takes; absent = anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<RawInput>,
    /// What it returns; absent = JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<RawOutput>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documentation: Option<String>,
    /// Pairs added by the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<String, String>>,
    /// How long the result of a workflow is kept, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow_completion_retention: Option<u64>,
    /// Options that a service can set too.
    #[serde(flatten)]
    pub options: RawOptions,
}

/// What a handler takes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RawInput {
    /// Whether an empty body is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
    /// Accepted content types, wildcards included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// JSON schema of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json_schema: Option<Value>,
}

/// What a handler returns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RawOutput {
    /// Content type of the response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Whether an empty response has the content type too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_content_type_if_empty: Option<bool>,
    /// JSON schema of the response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json_schema: Option<Value>,
}

/// Options of a service or a handler. Durations in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RawOptions {
    /// Silence after which the SDK is asked to suspend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inactivity_timeout: Option<u64>,
    /// Further silence after which the attempt is aborted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abort_timeout: Option<u64>,
    /// How long journals of completed invocations are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub journal_retention: Option<u64>,
    /// How long results of requests with idempotency key are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_retention: Option<u64>,
    /// Whether state is read on demand instead of being sent ahead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_lazy_state: Option<bool>,
    /// Whether the ingress refuses requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress_private: Option<bool>,
    /// Pause before the second attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_policy_initial_interval: Option<u64>,
    /// Longest pause between attempts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_policy_max_interval: Option<u64>,
    /// Most attempts, the first included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_policy_max_attempts: Option<u64>,
    /// How much longer each pause is than the one before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_policy_exponentiation_factor: Option<f64>,
    /// `PAUSE` or `KILL`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_policy_on_max_attempts: Option<String>,
}
