//! From sentences to words.

use everspan_stream::{Collector, FlatMapFunction, Result, ShortText};

/// Emits (word, 1) for each word.
#[derive(Clone)]
pub(crate) struct Tokenizer;

impl FlatMapFunction<String> for Tokenizer {
    type Out = (ShortText, u64);

    #[inline]
    fn flat_map(&mut self, line: String, out: &mut impl Collector<(ShortText, u64)>) -> Result {
        let mut rest = &*line;
        loop {
            let end = rest.bytes().position(|byte| byte == b' ').unwrap_or(rest.len());
            if end > 0 {
                out.collect((ShortText::from(&rest[..end]), 1));
            }
            if end == rest.len() {
                return Ok(());
            }
            rest = &rest[end + 1..];
        }
    }
}

/// Java's `String.hashCode`, widened with its sign.
pub(crate) fn java_hash(word: &ShortText) -> u64 {
    word.with_bytes(|bytes| {
        let (fours, rest) = bytes.as_chunks();
        let hash = fours.iter().fold(0i32, |hash, &[a, b, c, d]| {
            let four = ((i32::from(a) * 31 + i32::from(b)) * 31 + i32::from(c)) * 31 + i32::from(d);
            hash.wrapping_mul(31 * 31 * 31 * 31).wrapping_add(four)
        });
        let hash = rest.iter().fold(hash, |hash, &byte| {
            hash.wrapping_mul(31).wrapping_add(i32::from(byte))
        });
        i64::from(hash) as u64
    })
}
