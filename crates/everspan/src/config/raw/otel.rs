//! The variables every OpenTelemetry program knows, laid below our own.
//!
//! As its specification asks: an empty value counts as unset, `OTEL_SERVICE_NAME` wins over a `service.name` among the
//! resource attributes, and a variable with `_TRACES_` in its name over the one without. Numbers are milliseconds.

mod exporter;

use crate::config::error::{ConfigError, Origin};
use crate::config::key::Key;
use crate::config::raw::env::Environment;
use crate::config::raw::{Given, RawConfig, bad_value};
use crate::config::table;

/// What the names of these variables begin with.
pub(in crate::config) const PREFIX: &str = "OTEL_";

const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SERVICE_NAME: &str = "service.name";

/// Numbers that are taken as they are, and the keys they stand for.
const NUMBERS: [(&str, &str); 2] = [
    ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "tracing-batch-max"),
    ("OTEL_SPAN_EVENT_COUNT_LIMIT", "tracing-events-max"),
];

/// Lays the variables over `raw`.
pub(super) fn lay(raw: &mut RawConfig, env: &Environment) -> Result<(), ConfigError> {
    if let Some(given) = variable(env, "OTEL_RESOURCE_ATTRIBUTES") {
        lay_resource(raw, &given)?;
    }
    put(raw, "tracing-service-name", variable(env, "OTEL_SERVICE_NAME"))?;
    let sampler = variable(env, SAMPLER).map(|given| with_ratio(given, env));
    put(raw, "tracing-sampler", sampler)?;
    for (name, key) in NUMBERS {
        put(raw, key, variable(env, name))?;
    }
    put_millis(
        raw,
        "tracing-batch-delay",
        variable(env, "OTEL_BSP_SCHEDULE_DELAY"),
    )?;
    exporter::lay(raw, env)
}

fn lay_resource(raw: &mut RawConfig, given: &Given) -> Result<(), ConfigError> {
    let key = row("tracing-resource-attributes");
    raw.put(&key.into(), given.clone())?;
    let name = raw
        .entries
        .get_mut(key.name)
        .and_then(|entries| entries.remove(SERVICE_NAME));
    put(raw, "tracing-service-name", name)
}

/// The ratio stands in a variable of its own; without it, all traces are taken.
fn with_ratio(mut given: Given, env: &Environment) -> Given {
    if given.text.ends_with("traceidratio") {
        let ratio = variable(env, "OTEL_TRACES_SAMPLER_ARG").map_or_else(|| "1".to_owned(), |arg| arg.text);
        given.text = format!("{}:{ratio}", given.text);
    }
    given
}

fn put(raw: &mut RawConfig, key: &str, given: Option<Given>) -> Result<(), ConfigError> {
    match given {
        Some(given) => raw.put(&row(key).into(), given),
        None => Ok(()),
    }
}

/// Puts a number of milliseconds as a duration.
fn put_millis(raw: &mut RawConfig, key: &str, given: Option<Given>) -> Result<(), ConfigError> {
    let Some(mut given) = given else { return Ok(()) };
    if given.text.parse::<u64>().is_err() {
        let reason = "expected a number of milliseconds".to_owned();
        return Err(bad_value(row(key), key, &given, reason));
    }
    given.text.push_str("ms");
    put(raw, key, Some(given))
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
