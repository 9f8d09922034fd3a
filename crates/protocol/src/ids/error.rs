//! Why a text is not an id.

use std::fmt;

/// Most characters of a bad id that are repeated in an error.
const QUOTED_MAX: usize = 64;

/// Why a text is not an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdError {
    /// The text does not begin as ids of this kind do.
    Prefix {
        /// How it should begin, the version included.
        expected: &'static str,
        /// How it does begin.
        text: String,
    },
    /// The text has the wrong length.
    Length {
        /// How long it should be, in bytes.
        expected: usize,
        /// How long it is, in bytes.
        len: usize,
    },
    /// A part of the text is not a number in the alphabet of the id, or too large a number.
    Digits {
        /// The part.
        text: String,
    },
    /// The raw form has the wrong length.
    RawLength {
        /// How long it should be, in bytes.
        expected: usize,
        /// How long it is, in bytes.
        len: usize,
    },
}

impl IdError {
    pub(super) fn prefix(expected: &'static str, text: &str) -> Self {
        Self::Prefix {
            expected,
            text: quoted(text),
        }
    }

    pub(super) fn digits(text: &str) -> Self {
        Self::Digits { text: quoted(text) }
    }
}

fn quoted(text: &str) -> String {
    text.chars().take(QUOTED_MAX).collect()
}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prefix { expected, text } => write!(f, "id {text:?} does not begin with {expected:?}"),
            Self::Length { expected, len } => write!(f, "id has {len} characters, expected {expected}"),
            Self::Digits { text } => write!(f, "id has bad digits {text:?}"),
            Self::RawLength { expected, len } => write!(f, "raw id has {len} bytes, expected {expected}"),
        }
    }
}

impl std::error::Error for IdError {}
