//! The layers before any value is checked: which text was given for which key, and where.
//!
//! Layers are put one over the other; a later one replaces single values and single entries of maps.
//! Every name is known once it is in here: an unknown one is an error of its layer.

mod env;
mod file;
mod otel;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use crate::config::error::{ConfigError, Origin};
use crate::config::flags::ConfigFlags;
use crate::config::key::Key;
use crate::config::name_values::{REDACTED, split_list, split_pair};
use crate::config::value::Kind;

/// Unchecked configuration: every key may be absent.
#[derive(Clone, Default)]
pub struct RawConfig {
    values: BTreeMap<&'static str, Given>,
    entries: BTreeMap<&'static str, BTreeMap<String, Given>>,
}

/// A text and where it was given.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) text: String,
    pub(super) origin: Origin,
}

impl RawConfig {
    /// Gathers all layers: the file the flags or the variables name, the variables, the flags.
    ///
    /// # Errors
    /// An unreadable file, an unknown key or variable, or a value that is no scalar.
    pub fn gather(
        flags: &ConfigFlags,
        env: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<RawConfig, ConfigError> {
        let env = env::Environment::select(env)?;
        let mut raw = match config_file(flags, &env) {
            Some((path, origin)) => RawConfig::from_file(path, origin)?,
            None => RawConfig::default(),
        };
        otel::lay(&mut raw, &env)?;
        env::lay(&mut raw, &env)?;
        raw.lay_flags(flags)?;
        Ok(raw)
    }

    fn from_file(path: PathBuf, origin: Origin) -> Result<RawConfig, ConfigError> {
        match std::fs::read_to_string(&path) {
            Ok(text) => RawConfig::from_toml(&text, path),
            Err(error) => Err(ConfigError::FileUnreadable {
                path,
                origin,
                reason: error.to_string(),
            }),
        }
    }

    /// Reads the text of a configuration file; `path` is only named in errors.
    ///
    /// # Errors
    /// Bad TOML, an unknown key, or a table or array where a value is expected.
    pub fn from_toml(text: &str, path: PathBuf) -> Result<RawConfig, ConfigError> {
        let mut raw = RawConfig::default();
        file::lay(&mut raw, text, path)?;
        Ok(raw)
    }

    fn lay_flags(&mut self, flags: &ConfigFlags) -> Result<(), ConfigError> {
        for (key, text) in flags.given() {
            let given = Given {
                text: text.clone(),
                origin: Origin::Flag(format!("--{}", key.flag.unwrap_or(key.name))),
            };
            if key.kind.is_map() {
                let pair = split_pair(text);
                let (name, value) = pair.map_err(|reason| bad_value(key, key.name, &given, reason))?;
                self.put_entry(key, &name, Given { text: value, ..given });
            } else {
                self.put(key, given);
            }
        }
        Ok(())
    }

    fn put(&mut self, key: &'static Key, given: Given) {
        self.values.insert(key.name, given);
    }

    fn put_entry(&mut self, key: &'static Key, name: &str, given: Given) {
        let name = if key.kind == Kind::Headers {
            name.to_ascii_lowercase()
        } else {
            name.to_owned()
        };
        self.entries.entry(key.name).or_default().insert(name, given);
    }

    /// Puts every `NAME=VALUE` of a comma-separated list.
    fn put_list(&mut self, key: &'static Key, given: &Given) -> Result<(), ConfigError> {
        let pairs = split_list(&given.text).map_err(|reason| bad_value(key, key.name, given, reason))?;
        for (name, text) in pairs {
            self.put_entry(
                key,
                &name,
                Given {
                    text,
                    origin: given.origin.clone(),
                },
            );
        }
        Ok(())
    }

    pub(super) fn value(&self, key: &Key) -> Option<&Given> {
        self.values.get(key.name)
    }

    pub(super) fn entries(&self, key: &Key) -> impl Iterator<Item = (&String, &Given)> {
        self.entries.get(key.name).into_iter().flatten()
    }
}

/// The error for a text `key` does not take; `name` is the key, or the entry of a map.
pub(super) fn bad_value(key: &Key, name: &str, given: &Given, reason: String) -> ConfigError {
    let secret = key.kind == Kind::Headers || (key.kind == Kind::Endpoint && given.text.contains('@'));
    let value = if secret {
        REDACTED.to_owned()
    } else {
        given.text.clone()
    };
    ConfigError::BadValue {
        key: name.to_owned(),
        origin: given.origin.clone(),
        value,
        reason,
    }
}

fn config_file(flags: &ConfigFlags, env: &env::Environment) -> Option<(PathBuf, Origin)> {
    let named_by_flag = flags
        .config_file
        .clone()
        .map(|path| (path, Origin::Flag("--config-file".to_owned())));
    named_by_flag.or_else(|| {
        let path = env.get(env::CONFIG_FILE).filter(|path| !path.is_empty())?;
        Some((PathBuf::from(path), Origin::Variable(env::CONFIG_FILE.to_owned())))
    })
}
