//! A text that is mostly short, as a key and as a record.

use std::fmt;

use borsh::io::{Read, Result, Write};
use borsh::{BorshDeserialize, BorshSerialize};

/// A text for keys and records: up to 15 bytes of it need no memory elsewhere.
///
/// A `String` lies somewhere else in memory, which has to be allocated, looked up and given back. The two numbers of a
/// short text are compared, copied and hashed where they are. In Borsh, and so in state and on its way between subtasks,
/// it is written as any other text.
///
/// ```
/// use everspan_stream::ShortText;
///
/// let word = ShortText::from("everspan");
/// assert_eq!(word.to_string(), "everspan");
/// assert_eq!(word.with_bytes(<[u8]>::len), 8);
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ShortText(Bytes);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Bytes {
    /// Its bytes from the lowest on, zeros above them, and the length in the highest byte.
    Short(u64, u64),
    /// Longer than that.
    Long(Box<str>),
}

impl From<&str> for ShortText {
    #[inline]
    fn from(text: &str) -> Self {
        let bytes = text.as_bytes();
        let length = (bytes.len() as u64) << 56;
        Self(match bytes.split_first_chunk() {
            None => Bytes::Short(number(bytes), length),
            Some((first, rest)) if rest.len() < 8 => {
                Bytes::Short(u64::from_le_bytes(*first), number(rest) | length)
            }
            Some(_) => Bytes::Long(text.into()),
        })
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

impl ShortText {
    /// What `look` says of its bytes, which are UTF-8.
    #[inline]
    pub fn with_bytes<R>(&self, look: impl FnOnce(&[u8]) -> R) -> R {
        match &self.0 {
            Bytes::Short(lower, upper) => {
                let mut bytes = [0; 16];
                bytes[..8].copy_from_slice(&lower.to_le_bytes());
                bytes[8..].copy_from_slice(&upper.to_le_bytes());
                look(&bytes[..usize::from(bytes[15])])
            }
            Bytes::Long(text) => look(text.as_bytes()),
        }
    }
}

impl fmt::Display for ShortText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_bytes(|bytes| f.pad(&String::from_utf8_lossy(bytes)))
    }
}

impl fmt::Debug for ShortText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_bytes(|bytes| fmt::Debug::fmt(&String::from_utf8_lossy(bytes), f))
    }
}

impl BorshSerialize for ShortText {
    #[inline]
    fn serialize<W: Write>(&self, writer: &mut W) -> Result<()> {
        self.with_bytes(|bytes| bytes.serialize(writer))
    }
}

impl BorshDeserialize for ShortText {
    fn deserialize_reader<R: Read>(reader: &mut R) -> Result<Self> {
        let text = String::deserialize_reader(reader)?;
        Ok(Self::from(&*text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_every_length_come_back_and_are_texts_in_borsh() {
        let text = "abcdefghijklmnöpqrst";
        for (length, _) in text.char_indices() {
            let short = ShortText::from(&text[..length]);
            assert_eq!(matches!(short.0, Bytes::Short(..)), length <= 15);
            assert_eq!(short.to_string(), text[..length]);
            assert_eq!(format!("{short:?}"), format!("{:?}", &text[..length]));
            let encoded = borsh::to_vec(&short).unwrap();
            assert_eq!(encoded, borsh::to_vec(&text[..length]).unwrap());
            assert_eq!(borsh::from_slice::<ShortText>(&encoded).unwrap(), short);
        }
    }
}
