//! `--dump-config`: the effective configuration as TOML that can be read back.
//!
//! Values of headers, and keys of factories that are not built in, may be secrets: their lines are commented out and redacted, so a dump used as a
//! configuration file lacks those headers instead of sending wrong ones.

use std::fmt::Write;

use crate::config::error::Origin;
use crate::config::key::Slot;
use crate::config::name_values::REDACTED;
use crate::config::raw::Given;
use crate::config::settings::Settings;
use crate::config::settings::reporters::Declared;
use crate::config::table::{self, REPORTER, keys_of, reporter_leaf};
use crate::config::value::{Kind, Value};

impl Settings {
    /// The effective configuration as TOML; each key under its description and the origin of its value.
    pub fn dump(&self) -> String {
        let mut out =
            String::from("# Effective configuration of Everspan. It can be used as a configuration file.\n");
        for table in tables() {
            if !table.is_empty() {
                push(&mut out, format_args!("\n[{table}]\n"));
            }
            for key in table::keys().filter(|key| !key.kind.is_map() && key.table() == table) {
                self.dump_value(&mut out, &key.into(), key.leaf());
            }
        }
        for key in table::keys().filter(|key| key.kind.is_map()) {
            self.dump_entries(&mut out, &key.into());
        }
        for reporter in &self.reporters {
            self.dump_reporter(&mut out, reporter);
        }
        out
    }

    fn dump_reporter(&self, out: &mut String, reporter: &Declared) {
        let name = &reporter.name;
        push(out, format_args!("\n[{REPORTER}{name}]\n"));
        let keys = || keys_of(&reporter.factory).map(|key| (key, reporter_leaf(key)));
        let slot = |key, leaf| Slot {
            name: format!("{REPORTER}{name}.{leaf}"),
            key,
        };
        for (key, leaf) in keys().filter(|(key, _)| !key.kind.is_map()) {
            self.dump_value(out, &slot(key, leaf), leaf);
        }
        for (leaf, given) in &reporter.others {
            let origin = one_line(&given.origin);
            push(
                out,
                format_args!("\n# source: {origin}\n# {leaf} = {REDACTED:?}\n"),
            );
        }
        for (key, leaf) in keys().filter(|(key, _)| key.kind.is_map()) {
            self.dump_entries(out, &slot(key, leaf));
        }
    }

    fn dump_value(&self, out: &mut String, slot: &Slot, leaf: &str) {
        let key = slot.key;
        let setting = self.setting(&slot.name);
        push(
            out,
            format_args!("\n# {}\n# source: {}\n", key.help, one_line(&setting.origin)),
        );
        match &setting.value {
            Some(value) => push(out, format_args!("{leaf} = {}\n", value.to_toml())),
            None => push(out, format_args!("# {leaf} = {:?}\n", key.kind.placeholder())),
        }
    }

    fn dump_entries(&self, out: &mut String, slot: &Slot) {
        let key = slot.key;
        push(out, format_args!("\n# {}\n[{}]\n", key.help, slot.name));
        for (name, given) in self.entries(&slot.name) {
            push(
                out,
                format_args!(
                    "# source: {}\n{}\n",
                    one_line(&given.origin),
                    entry(key.kind, name, given)
                ),
            );
        }
    }
}

fn entry(kind: Kind, name: &str, given: &Given) -> String {
    let name = toml_text(name);
    match kind {
        Kind::Headers => format!("# {name} = {REDACTED:?}"),
        _ => format!("{name} = {}", toml_text(&given.text)),
    }
}

fn toml_text(text: &str) -> String {
    Value::Text(text.to_owned()).to_toml()
}

/// An origin on one line, whatever the name of the file.
fn one_line(origin: &Origin) -> String {
    origin.to_string().replace(|c: char| c.is_control(), " ")
}

/// Table names in the order of the key table; the top level comes first, as TOML demands.
fn tables() -> Vec<&'static str> {
    let mut tables = vec![""];
    for key in table::keys().filter(|key| !key.kind.is_map()) {
        if !tables.contains(&key.table()) {
            tables.push(key.table());
        }
    }
    tables
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a string cannot fail");
}
