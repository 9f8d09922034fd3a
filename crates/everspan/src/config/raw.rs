//! The layers before any value is checked: which text was given for which key, and where.
//!
//! Layers are put one over the other; a later one replaces single values and single entries of maps.
//! Every name is known once it is in here: an unknown one is an error of its layer.

mod env;
mod file;
mod otel;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;

use crate::config::error::{ConfigError, Origin};
use crate::config::flags::ConfigFlags;
use crate::config::key::{Key, Slot};
use crate::config::name_values::{REDACTED, split_list, split_pair};
use crate::config::nearest::nearest;
use crate::config::table;
use crate::config::value::Kind;

/// Unchecked configuration: every key may be absent.
#[derive(Clone, Default)]
pub struct RawConfig {
    values: BTreeMap<String, Given>,
    entries: BTreeMap<String, BTreeMap<String, Given>>,
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
        for (name, text) in flags.set() {
            self.lay_set(name, text)?;
        }
        for (key, text) in flags.given() {
            let given = Given {
                text: text.clone(),
                origin: Origin::Flag(format!("--{}", key.flag.unwrap_or(key.name))),
            };
            if key.kind.is_map() {
                let pair = split_pair(text);
                let (name, value) = pair.map_err(|reason| bad_value(key, key.name, &given, reason))?;
                self.put_entry(&key.into(), &name, Given { text: value, ..given });
            } else {
                self.put(&key.into(), given)?;
            }
        }
        Ok(())
    }

    /// One `--set KEY=VALUE`, for a key or for one entry of a map.
    fn lay_set(&mut self, name: &str, text: &str) -> Result<(), ConfigError> {
        let given = Given {
            text: text.to_owned(),
            origin: Origin::Flag("--set".to_owned()),
        };
        if let Some((slot, entry)) = table::resolve_entry(name) {
            check_reporter_name(&slot.name, &given.origin)?;
            self.put_entry(&slot, entry, given);
            return Ok(());
        }
        match table::resolve(name) {
            Some(slot) => self.put(&slot, given),
            None => Err(unknown_key(name.to_owned(), given.origin)),
        }
    }

    /// Puts one value; for a map, every `NAME=VALUE` of a comma-separated list.
    fn put(&mut self, slot: &Slot, given: Given) -> Result<(), ConfigError> {
        check_reporter_name(&slot.name, &given.origin)?;
        if !slot.key.kind.is_map() {
            self.values.insert(slot.name.clone(), given);
            return Ok(());
        }
        let pairs =
            split_list(&given.text).map_err(|reason| bad_value(slot.key, &slot.name, &given, reason))?;
        for (name, text) in pairs {
            let origin = given.origin.clone();
            self.put_entry(slot, &name, Given { text, origin });
        }
        Ok(())
    }

    fn put_entry(&mut self, slot: &Slot, name: &str, given: Given) {
        let name = if slot.key.kind == Kind::Headers {
            name.to_ascii_lowercase()
        } else {
            name.to_owned()
        };
        self.entries
            .entry(slot.name.clone())
            .or_default()
            .insert(name, given);
    }

    pub(super) fn value(&self, name: &str) -> Option<&Given> {
        self.values.get(name)
    }

    pub(super) fn entries(&self, name: &str) -> impl Iterator<Item = (&String, &Given)> {
        self.entries.get(name).into_iter().flatten()
    }

    /// The names of all reporters that have a key of their own.
    pub(super) fn reporters(&self) -> BTreeSet<String> {
        let names = self.values.keys().chain(self.entries.keys());
        let reporter =
            |name: &String| Some(name.strip_prefix(table::REPORTER)?.split_once('.')?.0.to_owned());
        names.filter_map(reporter).collect()
    }

    /// Everything given below `prefix`, by what follows it; entries of maps are single values here.
    pub(super) fn below(&self, prefix: &str) -> Vec<(String, &Given)> {
        let leaf = |name: &String| name.strip_prefix(prefix).map(str::to_owned);
        let values = self
            .values
            .iter()
            .filter_map(|(name, given)| Some((leaf(name)?, given)));
        let entries = self.entries.iter().flat_map(|(map, entries)| {
            let entry = move |(name, given)| Some((format!("{}.{name}", leaf(map)?), given));
            entries.iter().filter_map(entry)
        });
        values.chain(entries).collect()
    }
}

/// Longest name of a reporter: it is the name of a directory and the value of a label.
const REPORTER_NAME_MAX: usize = 64;

/// Refuses names that could not be written in all places: as a variable, a directory, a label.
fn check_reporter_name(slot_name: &str, origin: &Origin) -> Result<(), ConfigError> {
    let Some(name) = slot_name
        .strip_prefix(table::REPORTER)
        .and_then(|rest| Some(rest.split_once('.')?.0))
    else {
        return Ok(());
    };
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.is_empty() && name.len() <= REPORTER_NAME_MAX && name.chars().all(fits) {
        return Ok(());
    }
    Err(ConfigError::BadValue {
        key: "traces.reporter".to_owned(),
        origin: origin.clone(),
        value: name.to_owned(),
        reason: format!(
            "the name of a reporter is 1 to {REPORTER_NAME_MAX} lower-case letters, digits and dashes"
        ),
    })
}

/// The error for a name no row has.
pub(super) fn unknown_key(key: String, origin: Origin) -> ConfigError {
    let suggestion = nearest(&key, table::names_near(&key));
    ConfigError::UnknownKey {
        key,
        origin,
        suggestion,
    }
}

/// The error for a text `key` does not take; `name` is the key, or the entry of a map.
pub(super) fn bad_value(key: &Key, name: &str, given: &Given, reason: String) -> ConfigError {
    let secret = key.kind.is_secret() || (key.kind == Kind::Endpoint && given.text.contains('@'));
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
