//! The file layer: a TOML document, every value with its line.

use std::path::PathBuf;

use toml::de::{DeTable, DeValue};

use crate::config::error::{ConfigError, Origin};
use crate::config::key::{Key, Slot};
use crate::config::raw::{Given, RawConfig, bad_value, check_reporter_name, unknown_key};
use crate::config::table;
use crate::config::value::Kind;

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
            match (table::resolve(&name), value.get_ref()) {
                (Some(slot), DeValue::Table(inner)) if slot.key.kind.is_map() => {
                    check_reporter_name(&slot.name, &origin)?;
                    self.lay_map(&slot, "", inner)?;
                }
                (Some(slot), DeValue::Table(inner)) if slot.key.kind == Kind::Other => {
                    self.lay_table(&name, inner)?;
                }
                (Some(slot), value) => {
                    let given = Given {
                        text: self.text(slot.key, &name, value, &origin)?,
                        origin,
                    };
                    self.raw.put(&slot, given)?;
                }
                (None, DeValue::Table(inner)) if is_table(&name) => self.lay_table(&name, inner)?,
                (None, _) => return Err(unknown_key(name, origin)),
            }
        }
        Ok(())
    }

    /// Entries of a map; `a.b = 1` is the entry `a.b`.
    fn lay_map(&mut self, slot: &Slot, prefix: &str, entries: &DeTable<'_>) -> Result<(), ConfigError> {
        for (leaf, value) in entries {
            let name = join(prefix, leaf.get_ref());
            let origin = self.origin(leaf.span().start);
            if let DeValue::Table(inner) = value.get_ref() {
                self.lay_map(slot, &name, inner)?;
                continue;
            }
            let text = scalar(slot.key, &join(&slot.name, &name), value.get_ref(), &origin)?;
            self.raw.put_entry(slot, &name, Given { text, origin });
        }
        Ok(())
    }

    /// A value as text; of a list, the items with the kind's separator between them.
    fn text(
        &self,
        key: &Key,
        name: &str,
        value: &DeValue<'_>,
        origin: &Origin,
    ) -> Result<String, ConfigError> {
        let (DeValue::Array(items), Some(separator)) = (value, key.kind.separator()) else {
            return scalar(key, name, value, origin);
        };
        let refuse = |text: &str, reason: &str| {
            let given = Given {
                text: text.to_owned(),
                origin: origin.clone(),
            };
            Err(bad_value(key, name, &given, reason.to_owned()))
        };
        if items.is_empty() && key.kind == Kind::Names {
            return refuse("[]", "an empty list; without the key, all are on");
        }
        let mut texts = Vec::new();
        for item in items {
            let text = scalar(key, name, item.get_ref(), origin)?;
            if text.contains(separator) {
                return refuse(
                    &text,
                    &format!("an item of a list cannot have a {separator} in it"),
                );
            }
            texts.push(text);
        }
        Ok(texts.join(&separator.to_string()))
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

/// The value as text, so that the layers speak one language.
fn scalar(key: &Key, name: &str, value: &DeValue<'_>, origin: &Origin) -> Result<String, ConfigError> {
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

fn join(prefix: &str, leaf: &str) -> String {
    if prefix.is_empty() {
        leaf.to_owned()
    } else {
        format!("{prefix}.{leaf}")
    }
}

/// Whether keys stand below this name.
fn is_table(name: &str) -> bool {
    let fixed = table::keys().any(|key| {
        key.name
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('.'))
    });
    let reporters = table::REPORTER.trim_end_matches('.');
    fixed || name == reporters || name.strip_prefix(table::REPORTER).is_some()
}
