//! What is wrong with a configuration, and where the value came from.

use std::fmt;
use std::path::PathBuf;

/// Where a value was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere: the default.
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
    /// A flag, by its name with the dashes.
    Flag(String),
    /// The program itself.
    Program,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{} line {line}", path.display()),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
            Self::Program => f.write_str("the program"),
        }
    }
}

/// A configuration a job does not start with; the process ends with [`ConfigError::EXIT_CODE`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// The file cannot be read: correct its name or its permissions.
    FileUnreadable {
        /// The file as it was named.
        path: PathBuf,
        /// Who named it.
        origin: Origin,
        /// What the system says.
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
        /// The key, or the name of the variable.
        key: String,
        /// Where it was given.
        origin: Origin,
        /// The nearest known one, if one is near.
        suggestion: Option<String>,
    },
    /// The key does not take this value: give another.
    BadValue {
        /// The key.
        key: String,
        /// Where the value was given.
        origin: Origin,
        /// The value as it was given.
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
    /// A reporter cannot work with what it was given.
    Reporter {
        /// Its name.
        name: String,
        /// The key, the value and what is wrong.
        reason: String,
    },
}

impl ConfigError {
    /// The exit code of a process that was given a bad configuration.
    pub const EXIT_CODE: u8 = 2;
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FileUnreadable { path, origin, reason } => {
                write!(f, "cannot read config-file = {path:?} ({origin}): {reason}")
            }
            Self::FileSyntax { path, reason } => {
                write!(f, "{} is not valid TOML: {}", path.display(), reason.trim_end())
            }
            Self::UnknownKey {
                key,
                origin,
                suggestion,
            } => {
                write!(f, "unknown key {key} ({origin})")?;
                match suggestion {
                    Some(near) => write!(f, "; did you mean {near}?"),
                    None => f.write_str("; --help lists the known ones"),
                }
            }
            Self::BadValue {
                key,
                origin,
                value,
                reason,
            } => write!(f, "bad value {key} = {value:?} ({origin}): {reason}"),
            Self::Missing { key, reason } => write!(f, "{key} is missing: {reason}"),
            Self::Reporter { name, reason } => write!(f, "reporter {name}: {reason}"),
        }
    }
}

impl std::error::Error for ConfigError {}
