//! The id of an invocation.

use std::{fmt, str::FromStr};

use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest, Sha256};

use super::{IdError, base62, partition_key_of};

const PREFIX: &str = "inv_1";
const TEXT_LEN: usize = PREFIX.len() + base62::U64_DIGITS + base62::U128_DIGITS;

/// The id of an invocation: the partition key, which says who owns it, and 16 bytes that make it unique.
///
/// ```text
/// raw    51cb0017d6892a45 9ba831a7c450f39f9c2e0400c92f25ad       big-endian partition key, uuid
/// text   inv_1 5Wax0tkZdwB 5gIFlDKpBv4GTOb8FYfw1R                base62 of both read as little-endian
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct InvocationId([u8; 24]);

impl InvocationId {
    /// Length of the raw form in bytes.
    pub const LEN: usize = 24;

    /// An id of a partition key and 16 unique bytes.
    pub fn from_parts(partition_key: u64, uuid: [u8; 16]) -> Self {
        let mut raw = [0; Self::LEN];
        raw[..8].copy_from_slice(&partition_key.to_be_bytes());
        raw[8..].copy_from_slice(&uuid);
        Self(raw)
    }

    /// The id whose raw form this is.
    pub const fn from_bytes(raw: [u8; 24]) -> Self {
        Self(raw)
    }

    /// The id of a request with an idempotency key: the same for each repetition of the request.
    ///
    /// `key` is the object or workflow key. Objects live where their key hashes to, services where the
    /// idempotency key does.
    pub fn for_idempotency(service: &str, key: Option<&str>, handler: &str, idempotency_key: &str) -> Self {
        let partition_key = partition_key_of(key.unwrap_or(idempotency_key));
        let uuid = match key {
            Some(key) => digest(&["ik", service, key, handler, idempotency_key]),
            None => digest(&["ik", service, handler, idempotency_key]),
        };
        Self::from_parts(partition_key, uuid)
    }

    /// The id of the one run of a workflow.
    pub fn for_workflow(service: &str, key: &str) -> Self {
        Self::from_parts(partition_key_of(key), digest(&["wf", service, key]))
    }

    /// The hash that says which partition owns the invocation.
    pub fn partition_key(&self) -> u64 {
        u64::from_be_bytes(self.0[..8].try_into().expect("eight bytes"))
    }

    /// The bytes that make the id unique.
    pub fn uuid(&self) -> [u8; 16] {
        self.0[8..].try_into().expect("sixteen bytes")
    }

    /// The raw form.
    pub const fn as_bytes(&self) -> &[u8; 24] {
        &self.0
    }
}

/// The first half of the SHA-256 of the parts, joined by commas.
fn digest(parts: &[&str]) -> [u8; 16] {
    let sha = Sha256::digest(parts.join(","));
    sha[..16].try_into().expect("sixteen bytes")
}

impl TryFrom<&[u8]> for InvocationId {
    type Error = IdError;

    fn try_from(raw: &[u8]) -> Result<Self, IdError> {
        let raw = raw.try_into().map_err(|_| IdError::RawLength {
            expected: Self::LEN,
            len: raw.len(),
        })?;
        Ok(Self(raw))
    }
}

impl fmt::Display for InvocationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; TEXT_LEN];
        let (prefix, digits) = text.split_at_mut(PREFIX.len());
        let (key, uuid) = digits.split_at_mut(base62::U64_DIGITS);
        prefix.copy_from_slice(PREFIX.as_bytes());
        key.copy_from_slice(&base62::encode_u64(self.partition_key().swap_bytes()));
        uuid.copy_from_slice(&base62::encode_u128(u128::from_le_bytes(self.uuid())));
        f.pad(std::str::from_utf8(&text).expect("prefix and digits are ASCII"))
    }
}

impl fmt::Debug for InvocationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for InvocationId {
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
        let bad_digits = || IdError::digits(digits);
        let (key, uuid) = digits
            .split_at_checked(base62::U64_DIGITS)
            .ok_or_else(bad_digits)?;
        let key = base62::decode(key)
            .and_then(|key| u64::try_from(key).ok())
            .ok_or_else(bad_digits)?;
        let uuid = base62::decode(uuid).ok_or_else(bad_digits)?;
        Ok(Self::from_parts(key.swap_bytes(), uuid.to_le_bytes()))
    }
}
