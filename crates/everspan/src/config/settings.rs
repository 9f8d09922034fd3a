//! Checked values by key, each with its origin: the layer between the given text and [`Config`].

pub(super) mod reporters;

use std::collections::BTreeMap;
use std::ffi::OsString;

use crate::config::checked::Config;
use crate::config::error::{ConfigError, Origin};
use crate::config::flags::ConfigFlags;
use crate::config::key::{Key, Slot};
use crate::config::raw::{Given, RawConfig, bad_value};
use crate::config::settings::reporters::Declared;
use crate::config::table;
use crate::config::value::Value;

/// The effective configuration, checked, with the origin of every value.
pub struct Settings {
    values: BTreeMap<String, Setting>,
    entries: BTreeMap<String, BTreeMap<String, Given>>,
    pub(super) reporters: Vec<Declared>,
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
            reporters: Vec::new(),
        };
        for key in table::keys() {
            settings.check_slot(&key.into(), raw)?;
        }
        reporters::check(&mut settings, raw)?;
        settings.check_together()?;
        reporters::check_together(&settings)?;
        Ok(settings)
    }

    fn check_slot(&mut self, slot: &Slot, raw: &RawConfig) -> Result<(), ConfigError> {
        let name = slot.name.clone();
        if slot.key.kind.is_map() {
            self.entries.insert(name, check_entries(slot, raw)?);
        } else {
            self.values.insert(name, check_value(slot, raw)?);
        }
        Ok(())
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
        ConfigError::Conflict {
            one: self.said(one),
            other: self.said(other),
            reason,
        }
    }

    /// Key, value and origin, for a message.
    fn said(&self, name: &str) -> String {
        let Setting { value, origin } = self.setting(name);
        let value = value.as_ref().map(Value::to_toml).unwrap_or_default();
        format!("{name} = {value} ({origin})")
    }
}

fn check_value(slot: &Slot, raw: &RawConfig) -> Result<Setting, ConfigError> {
    let key = slot.key;
    let Some(given) = raw.value(&slot.name) else {
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
        Err(reason) => Err(bad_value(key, &slot.name, given, reason)),
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

fn check_entries(slot: &Slot, raw: &RawConfig) -> Result<BTreeMap<String, Given>, ConfigError> {
    let mut entries = BTreeMap::new();
    for (name, given) in raw.entries(&slot.name) {
        slot.key
            .kind
            .check_entry(name, &given.text)
            .map_err(|reason| bad_value(slot.key, &format!("{}.{name}", slot.name), given, reason))?;
        entries.insert(name.clone(), given.clone());
    }
    Ok(entries)
}
