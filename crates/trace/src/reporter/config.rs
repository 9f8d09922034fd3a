//! The parameters of one reporter, as they stand in the configuration.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::ReporterError;
use crate::KeyValue;

/// Name, parameters and resource of a reporter.
///
/// Parameters are texts under their keys below `traces.reporter.<name>.`; of a table each entry is a parameter with a
/// dotted key (`headers.authorization`), of a list the values are joined by commas.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReporterConfig {
    name: String,
    parameters: BTreeMap<String, String>,
    resource: Vec<KeyValue>,
}

impl ReporterConfig {
    /// No parameters, no resource. `name` is the reporter's own, not that of its factory.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// The same with one parameter more.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.insert(key.into(), value.into());
        self
    }

    /// The same with the resource that all spans of this process belong to (`service.name` and so on).
    #[must_use]
    pub fn with_resource(mut self, resource: Vec<KeyValue>) -> Self {
        self.resource = resource;
        self
    }

    /// The reporter's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The resource that all spans of this process belong to.
    pub fn resource(&self) -> &[KeyValue] {
        &self.resource
    }

    /// A parameter as it was written.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.parameters.get(key).map(String::as_str)
    }

    /// A parameter that must be there.
    pub fn required(&self, key: &str) -> Result<&str, ReporterError> {
        self.get(key).ok_or_else(|| ReporterError::Missing {
            key: self.whole_key(key),
        })
    }

    /// A parameter read as a `T`; `None` when it is not set. `expected` says in words what a `T` is: `a whole number`.
    pub fn parsed<T: FromStr>(&self, key: &str, expected: &str) -> Result<Option<T>, ReporterError> {
        let parse = |value: &str| value.parse().map_err(|_| self.bad_value(key, value, expected));
        self.get(key).map(parse).transpose()
    }

    /// The parameters of a table, without the table's name: `entries("headers")` gives `authorization`.
    pub fn entries(&self, table: &str) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.iter().filter_map(move |(key, value)| {
            let entry = key.strip_prefix(table)?.strip_prefix('.')?;
            Some((entry, value.as_str()))
        })
    }

    /// An error when a parameter is set that is neither in `known` nor in a table that is.
    pub fn only(&self, known: &[&str]) -> Result<(), ReporterError> {
        let is_known = |key: &str| {
            let in_table = |table: &&str| key.strip_prefix(*table).is_some_and(|rest| rest.starts_with('.'));
            known.contains(&key) || known.iter().any(in_table)
        };
        match self.parameters.keys().find(|key| !is_known(key)) {
            None => Ok(()),
            Some(key) => Err(ReporterError::UnknownKey {
                key: self.whole_key(key),
                known: known.iter().map(|&key| key.to_owned()).collect(),
            }),
        }
    }

    /// The error for a parameter whose value is not what was `expected`.
    pub fn bad_value(&self, key: &str, value: &str, expected: &str) -> ReporterError {
        ReporterError::BadValue {
            key: self.whole_key(key),
            value: value.to_owned(),
            expected: expected.to_owned(),
        }
    }

    fn whole_key(&self, key: &str) -> String {
        format!("traces.reporter.{}.{key}", self.name)
    }
}
