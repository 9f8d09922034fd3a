//! One row of the key table, and the three names it goes by.
//!
//! Rows of reporters are patterns: in `traces.reporter.NAME.endpoint` the user puts a name of the reporter's own. A
//! [`Slot`] is a row under its full name.

use crate::config::value::Kind;

/// A configuration key: its name, what it takes, its default and its description.
pub(super) struct Key {
    /// The dotted TOML path, `worker.invoker.inactivity-timeout`.
    pub(super) name: &'static str,
    /// What the key takes.
    pub(super) kind: Kind,
    /// The default as text; `None` for keys that may stay unset.
    pub(super) default: Option<&'static str>,
    /// Smallest and largest accepted value, as text.
    pub(super) range: Option<(&'static str, &'static str)>,
    /// The `--flag` without its dashes, for the main keys.
    pub(super) flag: Option<&'static str>,
    /// One or two sentences for help, dump and reference.
    pub(super) help: &'static str,
}

/// The part of a reporter's key that the user chooses.
pub(super) const NAME: &str = "NAME";

/// A row of the table under its full name; the two differ for keys of reporters only.
#[derive(Clone)]
pub(super) struct Slot {
    pub(super) name: String,
    pub(super) key: &'static Key,
}

impl From<&'static Key> for Slot {
    fn from(key: &'static Key) -> Self {
        Slot {
            name: key.name.to_owned(),
            key,
        }
    }
}

/// Keys that are shown together.
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) keys: &'static [Key],
}

pub(super) const fn key(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Key {
    Key {
        name,
        kind,
        default: Some(default),
        range: None,
        flag: None,
        help,
    }
}

/// A key that has no value unless one is given.
pub(super) const fn unset(name: &'static str, kind: Kind, help: &'static str) -> Key {
    Key {
        name,
        kind,
        default: None,
        range: None,
        flag: None,
        help,
    }
}

impl Key {
    pub(super) const fn range(mut self, least: &'static str, most: &'static str) -> Self {
        self.range = Some((least, most));
        self
    }

    /// A top-level key that is also a flag.
    pub(super) const fn flag(mut self) -> Self {
        self.flag = Some(self.name);
        self
    }

    /// A key of a table that is also a flag: the name with dashes for dots.
    pub(super) const fn flag_named(mut self, name: &'static str) -> Self {
        self.flag = Some(name);
        self
    }

    /// The TOML table the key stands in; empty for top-level keys.
    pub(super) fn table(&self) -> &'static str {
        self.name.rsplit_once('.').map_or("", |(table, _)| table)
    }

    /// The name inside its table.
    pub(super) fn leaf(&self) -> &'static str {
        self.name.rsplit_once('.').map_or(self.name, |(_, leaf)| leaf)
    }

    /// The variable without its prefix: `WORKER__INVOKER__INACTIVITY_TIMEOUT`.
    pub(super) fn variable_stem(&self) -> String {
        self.name
            .to_ascii_uppercase()
            .replace('-', "_")
            .replace('.', "__")
    }

    pub(super) fn variable(&self) -> String {
        format!("{PREFIX}{}", self.variable_stem())
    }
}

/// The prefix of Everspan's own variables.
pub(super) const PREFIX: &str = "EVERSPAN_";
