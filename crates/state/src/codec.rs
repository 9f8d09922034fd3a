//! How keys and values of typed state become bytes and back: only when a snapshot is written or restored.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};

/// A key or a value that can be written. Whatever is [Borsh](https://borsh.io) is one; another type says itself how.
pub trait Codec: Sized {
    /// Appends its bytes; the same for the same value.
    fn encode(&self, out: &mut Vec<u8>);

    /// A value from all of `bytes`.
    ///
    /// # Errors
    ///
    /// When they are not those of a value: the type is another one than that which was written.
    fn decode(bytes: &[u8]) -> Result<Self, CodecError>;
}

/// Why bytes are not a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodecError(pub String);

impl<T: BorshSerialize + BorshDeserialize> Codec for T {
    fn encode(&self, out: &mut Vec<u8>) {
        self.serialize(out).expect("writing to memory does not fail");
    }

    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        borsh::from_slice(bytes).map_err(|error| CodecError(error.to_string()))
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CodecError {}
