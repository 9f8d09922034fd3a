//! Trace and span ids, and how they are derived from a seed.
//!
//! Ids are derived, not drawn: a replayed log repeats a span instead of adding one. The hash behind
//! [`derive_trace_id`] and [`derive_span_id`] is therefore a format, pinned by the tests of this file.

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128};

/// The id of a trace: 16 bytes, shown as 32 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct TraceId(pub [u8; 16]);

/// The id of a span within its trace: 8 bytes, shown as 16 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct SpanId(pub [u8; 8]);

/// A text that is not an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParseIdError {
    /// Not the expected number of lower-case hex digits.
    NotHex {
        /// The text that was given.
        text: String,
        /// How many hex digits the id has.
        digits: usize,
    },
    /// All digits are zero, which means "no id".
    Zero,
}

/// The trace id that belongs to `seed`: the same for the same bytes, for ever, and never zero.
pub fn derive_trace_id(seed: &[u8]) -> TraceId {
    TraceId(xxh3_128(seed).max(1).to_be_bytes())
}

/// The span id that belongs to `seed` and `label`: the same for the same input, for ever, and never zero.
///
/// The seed names the thing that is traced, the label tells its spans apart (start, attempt 1, attempt 2, …).
pub fn derive_span_id(seed: &[u8], label: u64) -> SpanId {
    SpanId(xxh3_64_with_seed(seed, label).max(1).to_be_bytes())
}

impl TraceId {
    /// Whether the id is usable: not all zero.
    pub fn is_valid(self) -> bool {
        self.0 != [0; 16]
    }
}

impl SpanId {
    /// Whether the id is usable: not all zero.
    pub fn is_valid(self) -> bool {
        self.0 != [0; 8]
    }
}

impl FromStr for TraceId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        parse_id(text).map(Self)
    }
}

impl FromStr for SpanId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        parse_id(text).map(Self)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotHex { text, digits } => write!(f, "`{text}` is not {digits} lower-case hex digits"),
            Self::Zero => write!(f, "an id of zeros means no id"),
        }
    }
}

impl std::error::Error for ParseIdError {}

/// `N` bytes from exactly `2 * N` lower-case hex digits, not all zero.
fn parse_id<const N: usize>(text: &str) -> Result<[u8; N], ParseIdError> {
    let not_hex = || ParseIdError::NotHex {
        text: text.to_owned(),
        digits: 2 * N,
    };
    let bytes: [u8; N] = hex_bytes(text.as_bytes()).ok_or_else(not_hex)?;
    if bytes == [0; N] {
        Err(ParseIdError::Zero)
    } else {
        Ok(bytes)
    }
}

/// `N` bytes from exactly `2 * N` lower-case hex digits.
pub(crate) fn hex_bytes<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = hex_digit(pair[0])? << 4 | hex_digit(pair[1])?;
    }
    Some(bytes)
}

/// Upper-case digits are refused: W3C Trace Context allows lower case only.
fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
