//! The variable layers: `RESTATE_TRACING_…` below `EVERSPAN_…`.
//!
//! An empty value unsets a key that may be unset. Names that container orchestrators inject for a service
//! called `everspan` (`EVERSPAN_SERVICE_HOST`, `EVERSPAN_PORT_8080_TCP`, …) are not ours and are passed over.

use std::collections::BTreeMap;
use std::ffi::OsString;

use crate::config::error::{ConfigError, Origin};
use crate::config::key::{Key, NAME, PREFIX, Slot};
use crate::config::nearest::nearest;
use crate::config::raw::{Given, RawConfig, otel};
use crate::config::table;
use crate::config::value::Kind;

/// Names the configuration file.
pub(super) const CONFIG_FILE: &str = "EVERSPAN_CONFIG_FILE";

/// Variables with our prefix that are no configuration of the server.
const NOT_KEYS: [&str; 3] = [CONFIG_FILE, "EVERSPAN_ADMIN_URL", "EVERSPAN_BLESS"];

/// What the variables of stream jobs begin with: a job and a server may share an environment.
const JOBS: &str = "EVERSPAN_JOB_";

/// The prefix under which the tracing keys are accepted, too.
const RESTATE: &str = "RESTATE_";
const RESTATE_TRACING: &str = "RESTATE_TRACING_";

/// What the variables of reporters' keys begin with, after the prefix.
const REPORTER: &str = "TRACES__REPORTER__";

/// The variables that concern us, as text.
pub(super) struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Picks our variables; one of them that is not UTF-8 is an error.
    pub(super) fn select(
        pairs: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Environment, ConfigError> {
        let ours = pairs
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        ours.filter(|(name, _)| {
            [PREFIX, RESTATE_TRACING, otel::PREFIX]
                .iter()
                .any(|p| name.starts_with(p))
        })
        .filter(|(name, value)| !name.starts_with(JOBS) && !is_service_link(name, value))
        .map(|(name, value)| match value.into_string() {
            Ok(value) => Ok((name, value)),
            Err(value) => Err(ConfigError::BadValue {
                key: name.clone(),
                origin: Origin::Variable(name),
                value: value.to_string_lossy().into_owned(),
                reason: "not valid UTF-8".to_owned(),
            }),
        })
        .collect::<Result<_, _>>()
        .map(Environment)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// Lays both prefixes over `raw`.
pub(super) fn lay(raw: &mut RawConfig, env: &Environment) -> Result<(), ConfigError> {
    for prefix in [RESTATE, PREFIX] {
        for (name, text) in &env.0 {
            let Some(stem) = name.strip_prefix(prefix) else {
                continue;
            };
            if !NOT_KEYS.contains(&name.as_str()) {
                lay_variable(raw, name, stem, text)?;
            }
        }
    }
    Ok(())
}

fn lay_variable(raw: &mut RawConfig, name: &str, stem: &str, text: &str) -> Result<(), ConfigError> {
    let given = Given {
        text: text.to_owned(),
        origin: Origin::Variable(name.to_owned()),
    };
    match find(stem) {
        Some((slot, None)) => raw.put(&slot, given),
        Some((slot, Some(entry))) => {
            raw.put_entry(&slot, &entry, given);
            Ok(())
        }
        None => Err(unknown(name)),
    }
}

/// The row a variable stands for, and the entry if it stands for one entry of a map.
fn find(stem: &str) -> Option<(Slot, Option<String>)> {
    if let Some((key, entry)) = find_among(table::keys(), stem) {
        return Some((key.into(), entry));
    }
    let (reporter, leaf) = stem.strip_prefix(REPORTER)?.split_once("__")?;
    if reporter.is_empty() || leaf.is_empty() {
        return None;
    }
    let reporter = lower(reporter);
    let pattern = format!("{REPORTER}{NAME}__{leaf}");
    let (key, entry) = match find_among(table::reporter_keys(), &pattern) {
        Some((key, entry)) => (table::reporter_leaf(key).to_owned(), entry),
        None => (lower(leaf), None),
    };
    let slot = table::resolve(&format!("{}{reporter}.{key}", table::REPORTER))?;
    Some((slot, entry))
}

/// The key with this variable, or the map among them that has an entry with it.
fn find_among(
    keys: impl Iterator<Item = &'static Key>,
    stem: &str,
) -> Option<(&'static Key, Option<String>)> {
    let mut map = None;
    for key in keys {
        if key.variable_stem() == stem {
            return Some((key, None));
        }
        map = map.or_else(|| Some((key, Some(entry_name(key, stem)?))));
    }
    map
}

fn lower(stem: &str) -> String {
    stem.to_ascii_lowercase().replace("__", ".").replace('_', "-")
}

/// `TRACING_HEADERS__X_FOO` is the header `x-foo`; `…ATTRIBUTES__HOST__NAME` the attribute `host.name`.
fn entry_name(key: &Key, stem: &str) -> Option<String> {
    let rest = stem
        .strip_prefix(&key.variable_stem())?
        .strip_prefix("__")?
        .to_ascii_lowercase();
    match key.kind {
        Kind::Headers => Some(rest.replace('_', "-")),
        Kind::Attributes | Kind::Resource => Some(rest.replace("__", ".")),
        _ => None,
    }
    .filter(|name| !name.is_empty())
}

fn unknown(name: &str) -> ConfigError {
    let own = table::keys().map(Key::variable).chain([CONFIG_FILE.to_owned()]);
    let suggestion = match name.strip_prefix(RESTATE) {
        Some(stem) => nearest(&format!("{PREFIX}{stem}"), own),
        None => nearest(name, own),
    };
    ConfigError::UnknownVariable {
        name: name.to_owned(),
        suggestion,
    }
}

/// Whether the variable is one of those Kubernetes and Docker set for a service named `everspan…`.
fn is_service_link(name: &str, value: &OsString) -> bool {
    let from_protocol = |text: &str| ["tcp", "udp", "sctp"].iter().any(|p| text.starts_with(p));
    let after_port = |(_, rest): (&str, &str)| {
        let port = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        port.len() < rest.len()
            && port
                .strip_prefix('_')
                .is_some_and(|p| from_protocol(&p.to_ascii_lowercase()))
    };
    name.starts_with(PREFIX)
        && (name.ends_with("_SERVICE_HOST")
            || name.ends_with("_SERVICE_PORT")
            || name.contains("_SERVICE_PORT_")
            || name.rsplit_once("_PORT_").is_some_and(after_port)
            || (name.ends_with("_PORT")
                && value
                    .to_str()
                    .is_some_and(|v| from_protocol(v) && v.contains("://"))))
}
