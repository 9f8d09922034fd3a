//! The id of a deployment.

use std::{fmt, str::FromStr};

use borsh::{BorshDeserialize, BorshSerialize};

use super::{IdError, base62};

const PREFIX: &str = "dp_1";
const TEXT_LEN: usize = PREFIX.len() + base62::U128_DIGITS;

/// The id of a deployment: 16 unique bytes, as text `dp_1` and their base62.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct DeploymentId([u8; 16]);

impl DeploymentId {
    /// The id whose raw form this is.
    pub const fn from_bytes(raw: [u8; 16]) -> Self {
        Self(raw)
    }

    /// The raw form.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = base62::encode_u128(u128::from_le_bytes(self.0));
        let digits = std::str::from_utf8(&digits).expect("digits are ASCII");
        f.pad(&[PREFIX, digits].concat())
    }
}

impl fmt::Debug for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for DeploymentId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let digits = text
            .strip_prefix(PREFIX)
            .ok_or_else(|| IdError::prefix(PREFIX, text))?;
        if text.len() != TEXT_LEN {
            return Err(IdError::Length {
                expected: TEXT_LEN,
                len: text.len(),
            });
        }
        let uuid = base62::decode(digits).ok_or_else(|| IdError::digits(digits))?;
        Ok(Self(uuid.to_le_bytes()))
    }
}
