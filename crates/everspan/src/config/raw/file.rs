//! The file layer: a TOML document, every value with its line.

use std::path::PathBuf;

use toml::de::{DeTable, DeValue};

use crate::config::error::{ConfigError, Origin};
use crate::config::key::Key;
use crate::config::nearest::nearest;
use crate::config::raw::{Given, RawConfig, bad_value};
use crate::config::table;

/// Lays the document over `raw`.
pub(super) fn lay(raw: &mut RawConfig, text: &str, path: PathBuf) -> Result<(), ConfigError> {
    let document = DeTable::parse(text).map_err(|error| ConfigError::FileSyntax {
        path: path.clone(),
        reason: error.to_string(),
    })?;
    Document { raw, text, path }.lay_table("", document.get_ref())
}

struct Document<'a> {
    raw: &'a mut RawConfig,
    text: &'a str,
    path: PathBuf,
}

impl Document<'_> {
    fn lay_table(&mut self, prefix: &str, entries: &DeTable<'_>) -> Result<(), ConfigError> {
        for (leaf, value) in entries {
            let name = join(prefix, leaf.get_ref());
            let origin = self.origin(leaf.span().start);
            match (table::find(&name), value.get_ref()) {
                (Some(key), DeValue::Table(inner)) if key.kind.is_map() => self.lay_map(key, "", inner)?,
                (Some(key), value) => {
                    let given = Given {
                        text: self.scalar(key, &name, value, &origin)?,
                        origin,
                    };
                    self.lay_value(key, given)?;
                }
                (None, DeValue::Table(inner)) if is_table(&name) => self.lay_table(&name, inner)?,
                (None, _) => return Err(unknown(name, origin)),
            }
        }
        Ok(())
    }

    fn lay_value(&mut self, key: &'static Key, given: Given) -> Result<(), ConfigError> {
        if key.kind.is_map() {
            return self.raw.put_list(key, &given);
        }
        self.raw.put(key, given);
        Ok(())
    }

    /// Entries of a map; `a.b = 1` is the entry `a.b`.
    fn lay_map(&mut self, key: &'static Key, prefix: &str, entries: &DeTable<'_>) -> Result<(), ConfigError> {
        for (leaf, value) in entries {
            let name = join(prefix, leaf.get_ref());
            let origin = self.origin(leaf.span().start);
            if let DeValue::Table(inner) = value.get_ref() {
                self.lay_map(key, &name, inner)?;
                continue;
            }
            let text = self.scalar(key, &join(key.name, &name), value.get_ref(), &origin)?;
            self.raw.put_entry(key, &name, Given { text, origin });
        }
        Ok(())
    }

    /// The value as text, so that the layers speak one language.
    fn scalar(
        &self,
        key: &Key,
        name: &str,
        value: &DeValue<'_>,
        origin: &Origin,
    ) -> Result<String, ConfigError> {
        let text = match value {
            DeValue::String(text) => return Ok(text.to_string()),
            DeValue::Integer(number) => {
                i64::from_str_radix(number.as_str(), number.radix()).map(|n| n.to_string())
            }
            DeValue::Float(number) => Ok(number.as_str().to_owned()),
            DeValue::Boolean(yes) => Ok(yes.to_string()),
            DeValue::Datetime(instant) => Ok(instant.to_string()),
            DeValue::Array(_) | DeValue::Table(_) => {
                let what = if value.is_table() { "a table" } else { "an array" };
                let given = Given {
                    text: what.to_owned(),
                    origin: origin.clone(),
                };
                return Err(bad_value(
                    key,
                    name,
                    &given,
                    format!("expected {}", key.kind.form()),
                ));
            }
        };
        let given = Given {
            text: "a number".to_owned(),
            origin: origin.clone(),
        };
        text.map_err(|_| {
            bad_value(
                key,
                name,
                &given,
                "the number does not fit into 64 bits".to_owned(),
            )
        })
    }

    fn origin(&self, offset: usize) -> Origin {
        let line = 1 + self
            .text
            .bytes()
            .take(offset)
            .filter(|byte| *byte == b'\n')
            .count();
        Origin::File {
            path: self.path.clone(),
            line,
        }
    }
}

fn join(prefix: &str, leaf: &str) -> String {
    if prefix.is_empty() {
        leaf.to_owned()
    } else {
        format!("{prefix}.{leaf}")
    }
}

fn is_table(name: &str) -> bool {
    table::keys().any(|key| {
        key.name
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('.'))
    })
}

fn unknown(key: String, origin: Origin) -> ConfigError {
    let suggestion = nearest(&key, table::keys().map(|known| known.name.to_owned()));
    ConfigError::UnknownKey {
        key,
        origin,
        suggestion,
    }
}
