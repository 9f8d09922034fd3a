//! What is wrong with a configuration, and where the value came from.

use std::fmt;
use std::path::PathBuf;

/// Where a value was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere: the built-in default.
    Default,
    /// The configuration file.
    File {
        /// The file as it was named.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable, by its name.
    Variable(String),
    /// A command-line flag, by its name with the dashes.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => out.write_str("default"),
            Origin::File { path, line } => write!(out, "{} line {line}", path.display()),
            Origin::Variable(name) => write!(out, "variable {name}"),
            Origin::Flag(name) => write!(out, "flag {name}"),
        }
    }
}

/// A configuration the server does not start with. The process exits with [`ConfigError::EXIT_CODE`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// The file cannot be read: correct its name or its permissions.
    FileUnreadable {
        /// The file as it was named.
        path: PathBuf,
        /// Who named it.
        origin: Origin,
        /// What the operating system said.
        reason: String,
    },
    /// The file is not TOML: correct it.
    FileSyntax {
        /// The file as it was named.
        path: PathBuf,
        /// What and where, over several lines.
        reason: String,
    },
    /// No such key: correct or remove it.
    UnknownKey {
        /// The key as it was given.
        key: String,
        /// Where it was given.
        origin: Origin,
        /// The nearest known key, if one is near.
        suggestion: Option<String>,
    },
    /// A variable with our prefix that is no key: correct or unset it.
    UnknownVariable {
        /// The variable's name.
        name: String,
        /// The nearest known variable, if one is near.
        suggestion: Option<String>,
    },
    /// The key does not take this value: give another.
    BadValue {
        /// The key.
        key: String,
        /// Where the value was given.
        origin: Origin,
        /// The value as it was given; a placeholder for secrets.
        value: String,
        /// What is wrong with it and what would be right.
        reason: String,
    },
    /// A key that is needed has no value: give one.
    Missing {
        /// The key.
        key: String,
        /// Why it is needed, or what it would take.
        reason: String,
    },
    /// Two keys contradict each other: change one of them.
    Conflict {
        /// One key with its value and origin.
        one: String,
        /// The other.
        other: String,
        /// Why they do not go together.
        reason: &'static str,
    },
}

impl ConfigError {
    /// The exit code of a process that was given a bad configuration.
    pub const EXIT_CODE: u8 = 2;
}

impl fmt::Display for ConfigError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::FileUnreadable { path, origin, reason } => {
                write!(out, "cannot read config-file = {path:?} ({origin}): {reason}")
            }
            ConfigError::FileSyntax { path, reason } => {
                write!(out, "{} is not valid TOML: {}", path.display(), reason.trim_end())
            }
            ConfigError::UnknownKey {
                key,
                origin,
                suggestion,
            } => {
                write!(out, "unknown key {key} ({origin})")?;
                suggest(out, suggestion.as_deref())
            }
            ConfigError::UnknownVariable { name, suggestion } => {
                write!(out, "unknown variable {name}")?;
                suggest(out, suggestion.as_deref())
            }
            ConfigError::BadValue {
                key,
                origin,
                value,
                reason,
            } => {
                write!(out, "bad value {key} = {value:?} ({origin}): {reason}")
            }
            ConfigError::Missing { key, reason } => write!(out, "{key} is missing: {reason}"),
            ConfigError::Conflict { one, other, reason } => write!(out, "{one} and {other}: {reason}"),
        }
    }
}

impl std::error::Error for ConfigError {}

fn suggest(out: &mut fmt::Formatter<'_>, suggestion: Option<&str>) -> fmt::Result {
    match suggestion {
        Some(near) => write!(out, "; did you mean {near}?"),
        None => out.write_str("; docs/CONFIGURATION.md and --help list the known ones"),
    }
}
