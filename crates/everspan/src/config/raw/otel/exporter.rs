//! `OTEL_EXPORTER_OTLP_…`: where spans are sent, and how.
//!
//! The protocol stands in a variable of its own (HTTP with protobuf unless told otherwise); here it becomes the scheme of
//! the endpoint. An endpoint for all signals gets the path `v1/traces`, one for traces is taken as it is.

use crate::config::error::ConfigError;
use crate::config::raw::env::Environment;
use crate::config::raw::{Given, RawConfig, bad_value};

use super::{put, put_millis, row, variable};

/// Variables that say what a key says, by the end of their names.
const PLAIN: [(&str, &str); 5] = [
    ("HEADERS", "tracing-headers"),
    ("CERTIFICATE", "tracing-certificate"),
    ("CLIENT_CERTIFICATE", "tracing-client-certificate"),
    ("CLIENT_KEY", "tracing-client-key"),
    ("COMPRESSION", "tracing-compression"),
];

const ENDPOINT: &str = "tracing-endpoint";
/// Where a collector listens when only `OTEL_TRACES_EXPORTER=otlp` is said.
const DEFAULT_HOST: &str = "http://localhost";

pub(super) fn lay(raw: &mut RawConfig, env: &Environment) -> Result<(), ConfigError> {
    for (end, key) in PLAIN {
        put(raw, key, for_traces(env, end).map(|(given, _)| given))?;
    }
    let timeout = for_traces(env, "TIMEOUT").map(|(given, _)| given);
    put_millis(raw, "tracing-timeout", timeout)?;
    if disabled(env) {
        return Ok(());
    }
    let exporter = variable(env, "OTEL_TRACES_EXPORTER");
    match exporter.as_ref().map(|given| given.text.as_str()) {
        Some("none") => Ok(()),
        None | Some("otlp") => lay_endpoint(raw, env, exporter),
        Some(_) => {
            let given = exporter.expect("it has a text");
            let reason = "OTEL_TRACES_EXPORTER is otlp or none".to_owned();
            Err(bad_value(row(ENDPOINT), ENDPOINT, &given, reason))
        }
    }
}

/// The variable for traces, else the one for all signals; whether it was the latter.
fn for_traces(env: &Environment, end: &str) -> Option<(Given, bool)> {
    let own = variable(env, &format!("OTEL_EXPORTER_OTLP_TRACES_{end}"));
    let shared = || variable(env, &format!("OTEL_EXPORTER_OTLP_{end}"));
    own.map(|given| (given, false))
        .or_else(|| Some((shared()?, true)))
}

fn disabled(env: &Environment) -> bool {
    variable(env, "OTEL_SDK_DISABLED").is_some_and(|given| given.text.eq_ignore_ascii_case("true"))
}

fn lay_endpoint(raw: &mut RawConfig, env: &Environment, exporter: Option<Given>) -> Result<(), ConfigError> {
    let protocol = for_traces(env, "PROTOCOL").map(|(given, _)| given);
    let protocol_name = protocol.as_ref().map_or("http/protobuf", |given| &given.text);
    let prefix = match protocol_name {
        "grpc" => "grpc+",
        "http/protobuf" => "otlp+",
        "http/json" => "otlp+json+",
        _ => {
            let given = protocol.expect("it has a text");
            let reason = "the protocol is grpc, http/protobuf or http/json".to_owned();
            return Err(bad_value(row(ENDPOINT), ENDPOINT, &given, reason));
        }
    };
    let default = || {
        let port = if prefix == "grpc+" { 4317 } else { 4318 };
        let text = format!("{DEFAULT_HOST}:{port}");
        Some((Given { text, ..exporter? }, true))
    };
    let Some((mut given, shared)) = for_traces(env, "ENDPOINT").or_else(default) else {
        return Ok(());
    };
    if prefix == "grpc+" {
        given.text = with_scheme(env, given.text);
    } else if shared {
        given.text = format!("{}/v1/traces", given.text.trim_end_matches('/'));
    }
    given.text.insert_str(0, prefix);
    put(raw, ENDPOINT, Some(given))
}

/// For gRPC the scheme may be missing; then a variable of its own says whether the connection is encrypted.
fn with_scheme(env: &Environment, text: String) -> String {
    if text.contains("://") {
        return text;
    }
    let insecure =
        for_traces(env, "INSECURE").is_some_and(|(given, _)| given.text.eq_ignore_ascii_case("true"));
    format!("{}://{text}", if insecure { "http" } else { "https" })
}
