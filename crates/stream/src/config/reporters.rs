//! The reporters of `traces.reporter.NAME.…`: which are on, and the parameters of each.

use std::collections::{BTreeMap, BTreeSet};

use super::error::{ConfigError, Origin};
use super::layers::Layers;
use super::table::REPORTER;

/// Factories that are built in.
pub(crate) const FACTORIES: [&str; 3] = ["otlp", "jaeger-file", "log"];

/// Longest name of a reporter: it is the name of a directory and the value of a label.
const NAME_MAX: usize = 64;

/// The reporters of a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReporterSet {
    /// Those that are on, by name.
    pub on: Vec<ReporterParameters>,
    /// Names of those that are configured, but that `traces.reporters` does not name.
    pub off: Vec<String>,
}

/// One reporter as it was configured.
#[derive(Clone, PartialEq, Eq)]
pub struct ReporterParameters {
    /// Its name.
    pub name: String,
    /// The kind of reporter: `otlp`, `jaeger-file`, `log`, or one of the program's own.
    pub factory: String,
    /// Everything else below its name, as text.
    pub parameters: BTreeMap<String, String>,
}

impl std::fmt::Debug for ReporterParameters {
    /// Shows the names of parameters, never their values: they may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReporterParameters")
            .field("name", &self.name)
            .field("factory", &self.factory)
            .field("parameters", &self.parameters.keys())
            .finish()
    }
}

impl ReporterSet {
    pub(super) fn read(layers: &Layers) -> Result<Self, ConfigError> {
        let mut names = BTreeSet::new();
        for (rest, given) in layers.below(REPORTER) {
            let name = rest.split_once('.').map_or(rest, |(name, _)| name);
            check_name(name, &given.origin)?;
            names.insert(name.to_owned());
        }
        let wanted = wanted(layers, &names)?;
        let is_on = |name: &String| wanted.as_ref().is_none_or(|wanted| wanted.contains(name));
        let (on, off): (Vec<String>, Vec<String>) = names.into_iter().partition(is_on);
        let on = on.into_iter().map(|name| parameters(layers, name));
        Ok(Self {
            on: on.collect::<Result<_, _>>()?,
            off,
        })
    }
}

/// The names in `traces.reporters`; each is one of a reporter.
fn wanted(layers: &Layers, known: &BTreeSet<String>) -> Result<Option<BTreeSet<String>>, ConfigError> {
    let key = "traces.reporters";
    let Some(given) = layers.value(key) else {
        return Ok(None);
    };
    let names = given
        .text
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    let names: BTreeSet<String> = names.map(str::to_owned).collect();
    let Some(unknown) = names.difference(known).next() else {
        return Ok(Some(names));
    };
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    Err(ConfigError::BadValue {
        key: key.to_owned(),
        origin: given.origin.clone(),
        value: unknown.clone(),
        reason: match known.as_slice() {
            [] => "no reporter is configured".to_owned(),
            known => format!("no reporter has this name; configured are {}", known.join(", ")),
        },
    })
}

fn parameters(layers: &Layers, name: String) -> Result<ReporterParameters, ConfigError> {
    let prefix = format!("{REPORTER}{name}.");
    let mut parameters: BTreeMap<String, String> = layers
        .below(&prefix)
        .map(|(leaf, given)| (leaf.to_owned(), given.text.clone()))
        .collect();
    let factory = match parameters.remove("factory") {
        Some(factory) if !factory.trim().is_empty() => factory.trim().to_owned(),
        _ if FACTORIES.contains(&name.as_str()) => name.clone(),
        _ => {
            return Err(ConfigError::Missing {
                key: format!("{prefix}factory"),
                reason: format!("a reporter needs a factory: {}", FACTORIES.join(", ")),
            });
        }
    };
    Ok(ReporterParameters {
        name,
        factory,
        parameters,
    })
}

/// Refuses names that could not be written in all places: as a variable, a directory, a label.
fn check_name(name: &str, origin: &Origin) -> Result<(), ConfigError> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.is_empty() && name.len() <= NAME_MAX && name.chars().all(fits) {
        return Ok(());
    }
    Err(ConfigError::BadValue {
        key: REPORTER.trim_end_matches('.').to_owned(),
        origin: origin.clone(),
        value: name.to_owned(),
        reason: format!("the name of a reporter is 1 to {NAME_MAX} lower-case letters, digits and dashes"),
    })
}
