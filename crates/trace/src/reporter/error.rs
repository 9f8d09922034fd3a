//! What can be wrong with a reporter.

use std::fmt;

/// Why a reporter cannot be made or opened. Keys are whole: `traces.reporter.<name>.<key>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReporterError {
    /// A parameter that must be set is not.
    Missing {
        /// The parameter.
        key: String,
    },
    /// A parameter has a value that cannot be used.
    BadValue {
        /// The parameter.
        key: String,
        /// Its value.
        value: String,
        /// What it should be, in words.
        expected: String,
    },
    /// A parameter that the reporter does not have.
    UnknownKey {
        /// The parameter.
        key: String,
        /// Those that it has.
        known: Vec<String>,
    },
    /// No factory has this name.
    UnknownFactory {
        /// The name that was asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// A second factory was registered under a name.
    NameTaken {
        /// The name.
        name: String,
    },
    /// The reporter could not open, and why.
    Failed(String),
}

impl fmt::Display for ReporterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { key } => write!(f, "`{key}` must be set"),
            Self::BadValue { key, value, expected } => write!(f, "`{key}` is `{value}`, expected {expected}"),
            Self::UnknownKey { key, known } => write!(f, "unknown key `{key}`: use {}", list(known)),
            Self::UnknownFactory { name, known } => {
                write!(f, "unknown reporter factory `{name}`: use {}", list(known))
            }
            Self::NameTaken { name } => write!(f, "a reporter factory `{name}` is registered already"),
            Self::Failed(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for ReporterError {}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "none, there are no others".to_owned();
    }
    names.join(", ")
}
