//! Why a filter cannot be read.

use std::fmt;

/// A filter that cannot be read, with the directive that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LevelFilterError {
    /// There is no directive.
    Empty,
    /// A directive is not `target[span{field=value}]=level`.
    Syntax {
        /// The directive as it was written.
        directive: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The word after `=` is no level.
    UnknownLevel {
        /// The directive as it was written.
        directive: String,
        /// The word.
        level: String,
    },
    /// A field's value is neither a number nor a regular expression.
    BadValue {
        /// The directive as it was written.
        directive: String,
        /// The value.
        value: String,
        /// What is wrong with it.
        why: String,
    },
}

impl fmt::Display for LevelFilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the filter is empty: use `info` for all spans, `off` for none"),
            Self::Syntax { directive, why } => write!(
                f,
                "directive `{directive}` is not target[span{{field=value}}]=level: {why}"
            ),
            Self::UnknownLevel { directive, level } => write!(
                f,
                "directive `{directive}` has the unknown level `{level}`: use off, error, warn, info, debug or trace"
            ),
            Self::BadValue {
                directive,
                value,
                why,
            } => write!(
                f,
                "directive `{directive}` has a value `{value}` that is no regular expression: {why}"
            ),
        }
    }
}

impl std::error::Error for LevelFilterError {}
