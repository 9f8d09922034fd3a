//! The variables every OpenTelemetry program knows, laid below our own.
//!
//! As its specification asks: an empty value counts as unset, and `OTEL_SERVICE_NAME` wins over a
//! `service.name` among the resource attributes.

use crate::config::error::{ConfigError, Origin};
use crate::config::key::Key;
use crate::config::raw::env::Environment;
use crate::config::raw::{Given, RawConfig};
use crate::config::table;

const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SERVICE_NAME: &str = "service.name";

/// Lays the variables over `raw`.
pub(super) fn lay(raw: &mut RawConfig, env: &Environment) -> Result<(), ConfigError> {
    if let Some(given) = variable(env, "OTEL_RESOURCE_ATTRIBUTES") {
        lay_resource(raw, &given)?;
    }
    if let Some(given) = variable(env, "OTEL_SERVICE_NAME") {
        raw.put(row("tracing-service-name"), given);
    }
    if let Some(given) = variable(env, SAMPLER) {
        raw.put(row("tracing-sampler"), with_ratio(given, env));
    }
    Ok(())
}

fn lay_resource(raw: &mut RawConfig, given: &Given) -> Result<(), ConfigError> {
    let key = row("tracing-resource-attributes");
    raw.put_list(key, given)?;
    let name = raw
        .entries
        .get_mut(key.name)
        .and_then(|entries| entries.remove(SERVICE_NAME));
    if let Some(name) = name {
        raw.put(row("tracing-service-name"), name);
    }
    Ok(())
}

/// The ratio stands in a variable of its own; without it, all traces are taken.
fn with_ratio(mut given: Given, env: &Environment) -> Given {
    if given.text.ends_with("traceidratio") {
        let ratio = variable(env, "OTEL_TRACES_SAMPLER_ARG").map_or_else(|| "1".to_owned(), |arg| arg.text);
        given.text = format!("{}:{ratio}", given.text);
    }
    given
}

fn variable(env: &Environment, name: &str) -> Option<Given> {
    let text = env.get(name)?.trim();
    let given = || Given {
        text: text.to_owned(),
        origin: Origin::Variable(name.to_owned()),
    };
    (!text.is_empty()).then(given)
}

fn row(name: &str) -> &'static Key {
    table::find(name).expect("the keys OpenTelemetry variables stand for are in the table")
}
