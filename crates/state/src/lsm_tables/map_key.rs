//! The key of an entry of a map that belongs to a key.

use std::io;
use std::sync::Arc;

use borsh::BorshSerialize;

use crate::codec::{Codec, CodecError};

/// A key, and the encoded key of an entry of its map.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct MapKey<K> {
    pub(super) key: K,
    pub(super) entry: Arc<[u8]>,
}

const LENGTH_BYTES: usize = 4;

/// Appends what the keys of all entries of the map of `key` begin with, those of no other map: its length (4 bytes,
/// big-endian), then its bytes.
pub(super) fn encode_owner<K: Codec>(key: &K, out: &mut Vec<u8>) {
    let from = out.len();
    out.extend_from_slice(&[0; LENGTH_BYTES]);
    key.encode(out);
    let length = out.len() - from - LENGTH_BYTES;
    // One that does not fit is longer than any key may be, which is refused when it is written.
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    out[from..from + LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
}

/// To be hashed, and for nothing else: what is written is [`Codec::encode`]'s.
impl<K: BorshSerialize> BorshSerialize for MapKey<K> {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        self.key.serialize(writer)?;
        writer.write_all(&self.entry)
    }
}

impl<K: Codec> Codec for MapKey<K> {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_owner(&self.key, out);
        out.extend_from_slice(&self.entry);
    }

    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let too_short = || CodecError(format!("the key of a map's entry has {} bytes only", bytes.len()));
        let (length, rest) = bytes.split_first_chunk().ok_or_else(too_short)?;
        let length = u32::from_be_bytes(*length) as usize;
        let (key, entry) = rest.split_at_checked(length).ok_or_else(too_short)?;
        Ok(Self {
            key: K::decode(key)?,
            entry: entry.into(),
        })
    }
}
