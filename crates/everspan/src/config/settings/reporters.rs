//! The reporters: those under `[traces.reporter]`, and those that the keys at the top level are short for.
//!
//! ```text
//!   tracing-endpoint, tracing-services-endpoint ──► otlp            all spans, or those of invocations
//!   tracing-runtime-endpoint                    ──► otlp-runtime    all others
//!   tracing-json-path                           ──► jaeger-file     all spans
//! ```

use std::collections::BTreeMap;

use crate::config::error::{ConfigError, Origin};
use crate::config::key::Slot;
use crate::config::nearest::nearest;
use crate::config::raw::{Given, RawConfig};
use crate::config::settings::Settings;
use crate::config::table::{self, FACTORIES, REPORTER, keys_of, reporter_leaf};
use crate::config::value::Value;

/// The reporter of the top-level OTLP keys.
pub(in crate::config) const OTLP: &str = "otlp";
/// The second one, when runtime and services are apart.
pub(in crate::config) const OTLP_RUNTIME: &str = "otlp-runtime";
/// The reporter of `tracing-json-path`.
pub(in crate::config) const JAEGER_FILE: &str = "jaeger-file";

/// A reporter with a table of its own.
pub(in crate::config) struct Declared {
    pub(in crate::config) name: String,
    pub(in crate::config) factory: String,
    /// What only the factory knows; empty for those that are built in.
    pub(in crate::config) others: BTreeMap<String, Given>,
}

/// Checks every reporter of `raw` and puts its values into `settings`.
pub(super) fn check(settings: &mut Settings, raw: &RawConfig) -> Result<(), ConfigError> {
    for name in raw.reporters() {
        let factory = factory(raw, &name)?;
        for key in keys_of(&factory) {
            settings.check_slot(&slot(&name, reporter_leaf(key)), raw)?;
        }
        let others = others(raw, &name, &factory)?;
        settings.reporters.push(Declared {
            name,
            factory,
            others,
        });
    }
    Ok(())
}

fn slot(reporter: &str, leaf: &str) -> Slot {
    table::resolve(&format!("{REPORTER}{reporter}.{leaf}")).expect("every name below a reporter has a row")
}

fn factory(raw: &RawConfig, name: &str) -> Result<String, ConfigError> {
    let key = format!("{REPORTER}{name}.factory");
    match raw.value(&key).map(|given| given.text.trim()) {
        Some(factory) if !factory.is_empty() => Ok(factory.to_owned()),
        _ if FACTORIES.contains(&name) => Ok(name.to_owned()),
        _ => Err(ConfigError::Missing {
            key,
            reason: format!("a reporter needs a factory: {}", FACTORIES.join(", ")),
        }),
    }
}

/// What was given for the reporter beside the keys its factory has here. A factory that is built in has no others.
fn others(raw: &RawConfig, name: &str, factory: &str) -> Result<BTreeMap<String, Given>, ConfigError> {
    let known = |leaf: &str| {
        let is = |key: &str| leaf == key || leaf.strip_prefix(key).is_some_and(|rest| rest.starts_with('.'));
        keys_of(factory).any(|key| is(reporter_leaf(key)))
    };
    let mut others = raw.below(&format!("{REPORTER}{name}."));
    others.retain(|(leaf, _)| !known(leaf));
    match others.first() {
        Some((leaf, given)) if FACTORIES.contains(&factory) => Err(foreign(name, factory, leaf, given)),
        _ => Ok(others
            .into_iter()
            .map(|(leaf, given)| (leaf, given.clone()))
            .collect()),
    }
}

/// The error for a key that a built-in factory does not have.
fn foreign(name: &str, factory: &str, leaf: &str, given: &Given) -> ConfigError {
    let key = format!("{REPORTER}{name}.{leaf}");
    let full = |leaf: &str| format!("{REPORTER}{name}.{leaf}");
    let own = keys_of(factory).map(|key| full(reporter_leaf(key)));
    if table::reporter_keys().any(|known| reporter_leaf(known) == leaf) {
        return ConfigError::Conflict {
            one: format!("{key} ({})", given.origin),
            other: format!("{} = {factory:?}", full("factory")),
            reason: "a reporter of this factory has no such key",
        };
    }
    ConfigError::UnknownKey {
        suggestion: nearest(&key, own),
        origin: given.origin.clone(),
        key,
    }
}

/// Checks what the reporters need of each other and of the keys at the top level.
pub(super) fn check_together(settings: &Settings) -> Result<(), ConfigError> {
    for reporter in &settings.reporters {
        let name = &reporter.name;
        let short = [
            (OTLP, "tracing-endpoint"),
            (OTLP, "tracing-services-endpoint"),
            (OTLP_RUNTIME, "tracing-runtime-endpoint"),
            (JAEGER_FILE, "tracing-json-path"),
        ];
        let taken = short
            .iter()
            .find(|(short, key)| short == name && settings.own(key).is_some());
        if let Some((_, key)) = taken {
            return Err(ConfigError::Conflict {
                one: settings.said(key),
                other: format!("[{REPORTER}{name}]"),
                reason: "the top-level key is short for the reporter of this name; keep one of them",
            });
        }
        if let Some((leaf, why)) = needed(&reporter.factory) {
            need(settings, &format!("{REPORTER}{name}.{leaf}"), why)?;
        }
        if reporter.factory == OTLP {
            check_client(settings, &format!("{REPORTER}{name}."))?;
        }
    }
    check_client(settings, "tracing-")?;
    check_names(settings)
}

fn needed(factory: &str) -> Option<(&'static str, &'static str)> {
    match factory {
        OTLP => Some(("endpoint", "an otlp reporter needs a collector")),
        JAEGER_FILE => Some(("path", "a jaeger-file reporter needs a directory")),
        _ => None,
    }
}

fn need(settings: &Settings, key: &str, why: &str) -> Result<(), ConfigError> {
    if settings.setting(key).value.is_some() {
        return Ok(());
    }
    Err(ConfigError::Missing {
        key: key.to_owned(),
        reason: why.to_owned(),
    })
}

/// A client certificate and its key go together.
fn check_client(settings: &Settings, prefix: &str) -> Result<(), ConfigError> {
    let names = ["client-certificate", "client-key"].map(|leaf| format!("{prefix}{leaf}"));
    let [certificate, key] = [0, 1].map(|at| settings.setting(&names[at]).value.is_some());
    if certificate == key {
        return Ok(());
    }
    let (given, missing) = if certificate { (0, 1) } else { (1, 0) };
    Err(ConfigError::Missing {
        key: names[missing].clone(),
        reason: format!("{} needs it", settings.said(&names[given])),
    })
}

/// Every name in `traces.reporters` is one of a reporter.
fn check_names(settings: &Settings) -> Result<(), ConfigError> {
    let setting = settings.setting("traces.reporters");
    let Some(Value::Names(on)) = &setting.value else {
        return Ok(());
    };
    let known = settings.reporter_names();
    match on.iter().find(|name| !known.contains(name)) {
        None => Ok(()),
        Some(unknown) => Err(ConfigError::BadValue {
            key: "traces.reporters".to_owned(),
            origin: setting.origin.clone(),
            value: unknown.clone(),
            reason: match known.as_slice() {
                [] => "no reporter is configured".to_owned(),
                known => format!("no reporter has this name; configured are {}", known.join(", ")),
            },
        }),
    }
}

impl Settings {
    /// A key at the top level that makes a reporter, when it has a value. The collector that OpenTelemetry's variables
    /// name counts for nothing when an `otlp` reporter is configured: it would get the same spans twice.
    pub(in crate::config) fn own(&self, key: &str) -> Option<&Value> {
        let setting = self.setting(key);
        let of_others = matches!(&setting.origin, Origin::Variable(name) if name.starts_with("OTEL_"));
        let yields = of_others && self.reporters.iter().any(|reporter| reporter.factory == OTLP);
        setting.value.as_ref().filter(|_| !yields)
    }

    /// Collectors of the top-level keys: of the invocation spans, and of all others.
    pub(in crate::config) fn collectors(&self) -> (Option<&Value>, Option<&Value>) {
        let all = self.own("tracing-endpoint");
        (
            self.own("tracing-services-endpoint").or(all),
            self.own("tracing-runtime-endpoint").or(all),
        )
    }

    /// Every reporter that is configured, on or not; those of the top-level keys come first.
    pub(in crate::config) fn reporter_names(&self) -> Vec<String> {
        let (services, runtime) = self.collectors();
        let runtime = runtime.filter(|_| runtime != services);
        let files = self.own("tracing-json-path");
        let short = [(OTLP, services), (OTLP_RUNTIME, runtime), (JAEGER_FILE, files)];
        let short = short.iter().filter(|(_, value)| value.is_some());
        let declared = self.reporters.iter().map(|reporter| reporter.name.clone());
        short
            .map(|(name, _)| (*name).to_owned())
            .chain(declared)
            .collect()
    }
}
