//! Parameters of a program: flags of its own.

use std::collections::BTreeMap;
use std::str::FromStr;

use clap::ArgMatches;

use crate::config::{ConfigError, Origin};

/// A flag that a program declares.
pub(super) struct Declared {
    pub(super) name: &'static str,
    /// `None`: it must be given.
    pub(super) default: Option<&'static str>,
    pub(super) help: &'static str,
}

/// What a program's own flags were given. (Flink's `ParameterTool`.)
#[derive(Clone, Debug, Default)]
pub struct Parameters {
    values: BTreeMap<&'static str, String>,
}

impl Parameters {
    pub(super) fn read(declared: &[Declared], matches: &ArgMatches) -> Self {
        let value = |of: &Declared| Some((of.name, matches.get_one::<String>(of.name)?.clone()));
        Self {
            values: declared.iter().filter_map(value).collect(),
        }
    }

    /// A parameter as it was written.
    ///
    /// # Panics
    ///
    /// When the program has not declared it.
    pub fn get(&self, name: &str) -> &str {
        let value = self.values.get(name);
        value.unwrap_or_else(|| panic!("the program has not declared the parameter {name}"))
    }

    /// A parameter read as a `T`; `expected` says in words what that is: `a whole number`.
    ///
    /// # Errors
    ///
    /// When it is none: the program ends with exit code 2 if `build` returns it.
    ///
    /// # Panics
    ///
    /// As [`get`](Self::get).
    pub fn parsed<T: FromStr>(&self, name: &str, expected: &str) -> Result<T, ConfigError> {
        let value = self.get(name);
        value.parse().map_err(|_| ConfigError::BadValue {
            key: name.to_owned(),
            origin: Origin::Flag(format!("--{name}")),
            value: value.to_owned(),
            reason: format!("expected {expected}"),
        })
    }
}
