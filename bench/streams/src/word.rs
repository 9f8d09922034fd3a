//! A text that is mostly short, as a key and as a record.
//!
//! A `String` lies somewhere in memory, and a text inside its owner is written byte by byte and copied as a whole, which
//! a processor waits for. Two numbers are compared, copied and hashed where they are.

use borsh::io::{Read, Result, Write};
use borsh::{BorshDeserialize, BorshSerialize};

/// One of up to 15 bytes is two numbers; in Borsh it is a text like any other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Word {
    /// Its bytes from the lowest on, zeros above them, and the length in the highest byte.
    Short(u64, u64),
    /// Longer than that.
    Long(Box<str>),
}

impl From<&str> for Word {
    #[inline]
    fn from(text: &str) -> Self {
        let bytes = text.as_bytes();
        let length = (bytes.len() as u64) << 56;
        match bytes.split_first_chunk() {
            None => Self::Short(number(bytes), length),
            Some((first, rest)) if rest.len() < 8 => {
                Self::Short(u64::from_le_bytes(*first), number(rest) | length)
            }
            Some(_) => Self::Long(text.into()),
        }
    }
}

/// Up to seven bytes as a number, little-endian. Pieces that overlap agree where they do.
#[inline]
fn number(bytes: &[u8]) -> u64 {
    match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => {
            let bits_before = 8 * (bytes.len() - 4);
            u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << bits_before
        }
        _ => {
            let bytes = bytes.iter().rev();
            bytes.fold(0, |number, byte| number << 8 | u64::from(*byte))
        }
    }
}

impl Word {
    /// What `look` says of its bytes.
    #[inline]
    pub(crate) fn with_bytes<R>(&self, look: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Self::Short(lower, upper) => {
                let mut bytes = [0; 16];
                bytes[..8].copy_from_slice(&lower.to_le_bytes());
                bytes[8..].copy_from_slice(&upper.to_le_bytes());
                look(&bytes[..usize::from(bytes[15])])
            }
            Self::Long(text) => look(text.as_bytes()),
        }
    }
}

impl BorshSerialize for Word {
    #[inline]
    fn serialize<W: Write>(&self, writer: &mut W) -> Result<()> {
        self.with_bytes(|bytes| bytes.serialize(writer))
    }
}

impl BorshDeserialize for Word {
    fn deserialize_reader<R: Read>(reader: &mut R) -> Result<Self> {
        let text = String::deserialize_reader(reader)?;
        Ok(Self::from(&*text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_every_length_come_back_and_are_texts_in_borsh() {
        let text = "abcdefghijklmnopqrst";
        for length in 0..text.len() {
            let word = Word::from(&text[..length]);
            assert_eq!(matches!(word, Word::Short(..)), length <= 15);
            word.with_bytes(|bytes| assert_eq!(bytes, text[..length].as_bytes()));
            let encoded = borsh::to_vec(&word).unwrap();
            assert_eq!(encoded, borsh::to_vec(&text[..length]).unwrap());
            assert_eq!(borsh::from_slice::<Word>(&encoded).unwrap(), word);
        }
    }
}
