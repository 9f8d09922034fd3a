//! Configuration of a job: one table of keys, named as Flink's, in four layers.
//!
//! ```text
//!  defaults ◄ file (TOML) ◄ EVERSPAN_JOB_… ◄ flags      (the right one wins)
//!      └─────────┴───────────────┴────────────┘
//!               Layers: text and origin ──check──► Configuration ──► what a job is run with
//! ```
//!
//! Each row of the table (`config/table.rs`) is at once a TOML key, a variable and, as `-D KEY=VALUE`, a flag. Nothing
//! here reads the process environment: it is an argument. The only I/O is reading the named file.

mod duration;
mod error;
mod file;
mod key;
mod layers;
mod memory_size;
mod otel;
mod reporters;
mod table;
#[cfg(test)]
mod tests;
mod variables;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use error::{ConfigError, Origin};
pub(crate) use key::Key;
pub use layers::Layers;
pub(crate) use reporters::FACTORIES;
pub use reporters::{ReporterParameters, ReporterSet};
pub(crate) use table::KEYS;

/// A checked configuration: every value is one that its key takes.
#[derive(Clone, Debug)]
pub struct Configuration {
    layers: Layers,
}

impl Configuration {
    /// Checks what the layers say.
    ///
    /// # Errors
    ///
    /// The first value that its key does not take, or two keys that contradict each other.
    pub fn check(layers: Layers) -> Result<Self, ConfigError> {
        for key in KEYS {
            if let Some(given) = layers.value(key.name) {
                let checked = key.kind.check(&given.text);
                checked.map_err(|reason| key.refuse(given, reason))?;
            }
        }
        let configuration = Self { layers };
        configuration.check_together()?;
        Ok(configuration)
    }

    fn check_together(&self) -> Result<(), ConfigError> {
        let interval = "execution.checkpointing.interval";
        let dir = "execution.checkpointing.dir";
        if self.text(interval).is_some() && self.text(dir).is_none() {
            return Err(ConfigError::Missing {
                key: dir.to_owned(),
                reason: format!("{} needs a place for checkpoints", self.said(interval)),
            });
        }
        self.reporters().map(drop)
    }

    /// The error for a value that its key takes, but that cannot be had here.
    pub(crate) fn refuse(&self, key: &str, reason: String) -> ConfigError {
        let given = self.layers.value(key);
        ConfigError::BadValue {
            key: key.to_owned(),
            origin: given.map_or(Origin::Default, |given| given.origin.clone()),
            value: self.text(key).unwrap_or_default().to_owned(),
            reason,
        }
    }

    /// A key with its value and where that was given, for messages.
    fn said(&self, key: &str) -> String {
        let (value, origin) = self.layers.value(key).map_or_else(
            || (table::find(key).default.unwrap_or("unset"), Origin::Default),
            |given| (given.text.as_str(), given.origin.clone()),
        );
        format!("{key} = {value:?} ({origin})")
    }

    /// The value as it was written, or the default.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        let given = self.layers.value(key).map(|given| given.text.trim());
        given.or(table::find(key).default)
    }

    /// Whether someone said something of this key.
    pub(crate) fn is_given(&self, key: &str) -> bool {
        self.layers.value(key).is_some()
    }

    fn parsed<T>(&self, key: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = self.text(key)?;
        Some(parse(text).expect("values are checked with their keys"))
    }

    pub(crate) fn duration(&self, key: &str) -> Option<Duration> {
        self.parsed(key, |text| duration::parse(text).ok())
    }

    pub(crate) fn memory(&self, key: &str) -> Option<u64> {
        self.parsed(key, |text| memory_size::parse(text).ok())
    }

    pub(crate) fn count(&self, key: &str) -> Option<u64> {
        self.parsed(key, |text| text.parse().ok())
    }

    pub(crate) fn float(&self, key: &str) -> Option<f64> {
        self.parsed(key, |text| text.parse().ok())
    }

    pub(crate) fn is_on(&self, key: &str) -> bool {
        self.text(key) == Some("true")
    }

    pub(crate) fn path(&self, key: &str) -> Option<PathBuf> {
        self.text(key).map(|text| Path::new(text).to_owned())
    }

    /// What OpenTelemetry's variables say of who reports: attributes of the resource, by name.
    pub fn resource(&self) -> &BTreeMap<String, String> {
        &self.layers.resource
    }

    /// The reporters that are on, with their parameters.
    ///
    /// # Errors
    ///
    /// A name that no reporter has, or a reporter without a factory.
    pub fn reporters(&self) -> Result<ReporterSet, ConfigError> {
        ReporterSet::read(&self.layers)
    }
}
