//! The variables: `EVERSPAN_JOB_EXECUTION__CHECKPOINTING__INTERVAL` is `execution.checkpointing.interval`.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::error::{ConfigError, Origin};
use super::layers::Layers;
use super::{otel, table};

/// What our variables begin with. Those of the server begin with `EVERSPAN_` too; they are not for jobs.
const PREFIX: &str = "EVERSPAN_JOB_";

/// Names the configuration file.
pub(super) const CONFIG_FILE: &str = "EVERSPAN_JOB_CONFIG_FILE";

/// Those that are ours.
pub(super) fn select(
    env: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<BTreeMap<String, String>, ConfigError> {
    let mut ours = BTreeMap::new();
    for (name, value) in env {
        let is_ours = |name: &&str| name.starts_with(PREFIX) || otel::is_ours(name);
        let Some(name) = name.to_str().filter(is_ours) else {
            continue;
        };
        let value = value.into_string().map_err(|value| ConfigError::BadValue {
            key: name.to_owned(),
            origin: Origin::Variable(name.to_owned()),
            value: value.to_string_lossy().into_owned(),
            reason: "expected UTF-8".to_owned(),
        })?;
        ours.insert(name.to_owned(), value);
    }
    Ok(ours)
}

pub(super) fn lay(layers: &mut Layers, ours: BTreeMap<String, String>) -> Result<(), ConfigError> {
    layers.resource.extend(otel::resource(&ours)?);
    for (name, text) in ours {
        if name == CONFIG_FILE || otel::is_ours(&name) {
            continue;
        }
        let origin = Origin::Variable(name.clone());
        let key = key_of(&name);
        if !table::is_key(&key) {
            return Err(ConfigError::UnknownKey {
                suggestion: table::nearest(&key).map(|key| variable_of(&key)),
                key: name,
                origin,
            });
        }
        layers.put(key, text, origin)?;
    }
    Ok(())
}

fn key_of(variable: &str) -> String {
    let stem = variable.strip_prefix(PREFIX).unwrap_or(variable);
    stem.to_ascii_lowercase().replace("__", ".").replace('_', "-")
}

fn variable_of(key: &str) -> String {
    let stem = key.to_ascii_uppercase().replace('.', "__").replace('-', "_");
    format!("{PREFIX}{stem}")
}
