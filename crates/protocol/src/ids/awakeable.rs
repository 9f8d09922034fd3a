//! The id of an awakeable: a signal of one invocation that anyone who has the id may send.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use borsh::{BorshDeserialize, BorshSerialize};

use super::{IdError, InvocationId};

/// Index of the signal that cancels an invocation.
pub const CANCEL_SIGNAL: u32 = 1;
/// Index of the first awakeable of an invocation; those below are reserved.
pub const FIRST_AWAKEABLE_SIGNAL: u32 = 17;

const PREFIX: &str = "sign_1";
/// The form of SDKs that have no signals; the number is an entry index there.
const OLD_PREFIX: &str = "prom_1";
const RAW_LEN: usize = InvocationId::LEN + 4;
const DIGITS: usize = 38;

/// The id of an awakeable.
///
/// The index of a parsed id can be any number: whoever takes ids from strangers must refuse those below
/// [`FIRST_AWAKEABLE_SIGNAL`], or an awakeable id cancels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct AwakeableId {
    /// The invocation that waits.
    pub invocation: InvocationId,
    /// Index of the signal it waits for.
    pub signal: u32,
}

impl fmt::Display for AwakeableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut raw = [0; RAW_LEN];
        raw[..InvocationId::LEN].copy_from_slice(self.invocation.as_bytes());
        raw[InvocationId::LEN..].copy_from_slice(&self.signal.to_be_bytes());
        let mut text = String::with_capacity(PREFIX.len() + DIGITS);
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(raw, &mut text);
        f.pad(&text)
    }
}

impl FromStr for AwakeableId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let digits = text
            .strip_prefix(PREFIX)
            .or_else(|| text.strip_prefix(OLD_PREFIX))
            .ok_or_else(|| IdError::prefix(PREFIX, text))?;
        if digits.len() != DIGITS {
            return Err(IdError::Length {
                expected: PREFIX.len() + DIGITS,
                len: text.len(),
            });
        }
        let raw = URL_SAFE_NO_PAD
            .decode(digits)
            .map_err(|_| IdError::digits(digits))?;
        let (id, signal) = raw
            .split_first_chunk::<{ InvocationId::LEN }>()
            .ok_or_else(|| IdError::digits(digits))?;
        let signal = signal.try_into().map_err(|_| IdError::digits(digits))?;
        Ok(Self {
            invocation: InvocationId::from_bytes(*id),
            signal: u32::from_be_bytes(signal),
        })
    }
}
