//! Checked values by key, each with its origin: the layer between the given text and [`Config`].

use std::collections::BTreeMap;
use std::ffi::OsString;

use crate::config::checked::Config;
use crate::config::error::{ConfigError, Origin};
use crate::config::flags::ConfigFlags;
use crate::config::key::Key;
use crate::config::raw::{Given, RawConfig, bad_value};
use crate::config::table;
use crate::config::value::Value;

/// The effective configuration, checked, with the origin of every value.
pub struct Settings {
    values: BTreeMap<&'static str, Setting>,
    entries: BTreeMap<&'static str, BTreeMap<String, Given>>,
}

/// One checked value.
pub(super) struct Setting {
    pub(super) value: Option<Value>,
    pub(super) origin: Origin,
}

impl Settings {
    /// Gathers the layers and checks them.
    ///
    /// # Errors
    /// The first thing that is wrong, with key, value and origin.
    pub fn load(
        flags: &ConfigFlags,
        env: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Settings, ConfigError> {
        Settings::check(&RawConfig::gather(flags, env)?)
    }

    /// Checks every value by the rules of its row, then the values against each other.
    ///
    /// # Errors
    /// The first value that is not as its key expects.
    pub fn check(raw: &RawConfig) -> Result<Settings, ConfigError> {
        let mut settings = Settings {
            values: BTreeMap::new(),
            entries: BTreeMap::new(),
        };
        for key in table::keys() {
            if key.kind.is_map() {
                settings.entries.insert(key.name, check_entries(key, raw)?);
            } else {
                settings
                    .values
                    .insert(key.name, check_value(key, raw.value(key))?);
            }
        }
        settings.check_together()?;
        Ok(settings)
    }

    /// The plain values the server is built from.
    pub fn config(&self) -> Config {
        Config::from_settings(self)
    }

    pub(super) fn setting(&self, name: &str) -> &Setting {
        self.values
            .get(name)
            .expect("every key that is asked for has a row in the table")
    }

    pub(super) fn entries(&self, name: &str) -> &BTreeMap<String, Given> {
        self.entries
            .get(name)
            .expect("every map that is asked for has a row in the table")
    }

    fn check_together(&self) -> Result<(), ConfigError> {
        let (ingress, admin) = (
            self.setting("ingress.bind-address"),
            self.setting("admin.bind-address"),
        );
        let fixed_port =
            |setting: &Setting| matches!(setting.value, Some(Value::Address(at)) if at.port() != 0);
        if fixed_port(ingress) && ingress.value == admin.value {
            return Err(self.conflict(
                "ingress.bind-address",
                "admin.bind-address",
                "two listeners cannot share one address",
            ));
        }
        let retry = |leaf: &str| {
            self.setting(&format!("default-retry-policy.{leaf}"))
                .value
                .as_ref()
        };
        if let (Some(first), Some(longest)) = (retry("initial-interval"), retry("max-interval"))
            && first.compare(longest).is_some_and(|order| order.is_gt())
        {
            return Err(self.conflict(
                "default-retry-policy.initial-interval",
                "default-retry-policy.max-interval",
                "the first wait cannot be longer than the longest",
            ));
        }
        Ok(())
    }

    fn conflict(&self, one: &str, other: &str, reason: &'static str) -> ConfigError {
        let said = |name: &str| {
            let Setting { value, origin } = self.setting(name);
            let value = value.as_ref().map(Value::to_toml).unwrap_or_default();
            format!("{name} = {value} ({origin})")
        };
        ConfigError::Conflict {
            one: said(one),
            other: said(other),
            reason,
        }
    }
}

fn check_value(key: &Key, given: Option<&Given>) -> Result<Setting, ConfigError> {
    let Some(given) = given else {
        let parsed = key.default.map(|text| key.kind.parse(text)).transpose();
        let value = parsed.expect("every default in the table parses");
        return Ok(Setting {
            value,
            origin: Origin::Default,
        });
    };
    let origin = given.origin.clone();
    if key.default.is_none() && given.text.trim().is_empty() {
        return Ok(Setting { value: None, origin });
    }
    let parsed = key
        .kind
        .parse(&given.text)
        .and_then(|value| check_range(key, &value).map(|()| value));
    match parsed {
        Ok(value) => Ok(Setting {
            value: Some(value),
            origin,
        }),
        Err(reason) => Err(bad_value(key, key.name, given, reason)),
    }
}

fn check_range(key: &Key, value: &Value) -> Result<(), String> {
    let Some((least, most)) = key.range else {
        return Ok(());
    };
    let bound = |text| key.kind.parse(text).expect("every bound in the table parses");
    let above = value.compare(&bound(most)).is_some_and(|order| order.is_gt());
    let below = value.compare(&bound(least)).is_some_and(|order| order.is_lt());
    if above || below {
        Err(format!("must be between {least} and {most}"))
    } else {
        Ok(())
    }
}

fn check_entries(key: &Key, raw: &RawConfig) -> Result<BTreeMap<String, Given>, ConfigError> {
    let mut entries = BTreeMap::new();
    for (name, given) in raw.entries(key) {
        key.kind
            .check_entry(name, &given.text)
            .map_err(|reason| bad_value(key, &format!("{}.{name}", key.name), given, reason))?;
        entries.insert(name.clone(), given.clone());
    }
    Ok(entries)
}
