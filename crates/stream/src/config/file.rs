//! The file: a TOML document, every value with its line.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Origin};
use super::layers::Layers;
use super::table;

/// Lays the document over `layers`.
pub(super) fn lay(layers: &mut Layers, text: &str, path: &Path) -> Result<(), ConfigError> {
    let document = DeTable::parse(text).map_err(|error| ConfigError::FileSyntax {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    Document { layers, text, path }.table("", document.get_ref())
}

struct Document<'a> {
    layers: &'a mut Layers,
    text: &'a str,
    path: &'a Path,
}

impl Document<'_> {
    fn table(&mut self, prefix: &str, entries: &DeTable<'_>) -> Result<(), ConfigError> {
        for (leaf, value) in entries {
            let name = match prefix {
                "" => leaf.get_ref().to_string(),
                _ => format!("{prefix}.{}", leaf.get_ref()),
            };
            let origin = self.origin(leaf.span().start);
            match value.get_ref() {
                DeValue::Table(inner) if table::is_table(&name) => self.table(&name, inner)?,
                value => {
                    let text = scalars(value, separator(&name)).map_err(|what| ConfigError::BadValue {
                        key: name.clone(),
                        origin: origin.clone(),
                        value: what.to_owned(),
                        reason: "expected a text, a number, true, false, or a list of texts".to_owned(),
                    });
                    // An unknown name is told first: its value may be anything.
                    let known = table::is_key(&name);
                    let text = if known { text? } else { String::new() };
                    self.layers.put(name, text, origin)?;
                }
            }
        }
        Ok(())
    }

    fn origin(&self, offset: usize) -> Origin {
        let before = self.text.bytes().take(offset);
        Origin::File {
            path: self.path.to_owned(),
            line: 1 + before.filter(|byte| *byte == b'\n').count(),
        }
    }
}

/// What stands between the texts of a list. Patterns of spans have commas in them.
fn separator(name: &str) -> &'static str {
    if name.ends_with(".filter.includes") || name.ends_with(".filter.excludes") {
        ";"
    } else {
        ","
    }
}

/// The value as text; of a list the texts with a separator between them. Otherwise what it is instead.
fn scalars(value: &DeValue<'_>, separator: &str) -> Result<String, &'static str> {
    match value {
        DeValue::Array(items) => {
            let texts: Result<Vec<String>, _> = items.iter().map(|item| scalar(item.get_ref())).collect();
            texts.map(|texts| texts.join(separator))
        }
        value => scalar(value),
    }
}

fn scalar(value: &DeValue<'_>) -> Result<String, &'static str> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(|number| number.to_string())
            .map_err(|_| "a number of more than 64 bits"),
        DeValue::Float(number) => Ok(number.as_str().to_owned()),
        DeValue::Boolean(yes) => Ok(yes.to_string()),
        DeValue::Datetime(instant) => Ok(instant.to_string()),
        DeValue::Array(_) => Err("a list"),
        DeValue::Table(_) => Err("a table"),
    }
}
