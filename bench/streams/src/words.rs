//! From sentences to words.

use compact_str::CompactString;
use everspan_stream::{Collector, FlatMapFunction, Result};

/// Emits (word, 1) for each word.
#[derive(Clone)]
pub(crate) struct Tokenizer;

impl FlatMapFunction<String> for Tokenizer {
    type Out = (CompactString, u64);

    fn flat_map(&mut self, line: String, out: &mut impl Collector<(CompactString, u64)>) -> Result {
        let mut rest = &*line;
        loop {
            let end = rest.bytes().position(|byte| byte == b' ').unwrap_or(rest.len());
            if end > 0 {
                out.collect((CompactString::new(&rest[..end]), 1));
            }
            if end == rest.len() {
                return Ok(());
            }
            rest = &rest[end + 1..];
        }
    }
}

/// Java's `String.hashCode`, widened with its sign.
pub(crate) fn java_hash(word: &str) -> u64 {
    let hash = word.bytes().fold(0i32, |hash, byte| {
        hash.wrapping_mul(31).wrapping_add(i32::from(byte))
    });
    i64::from(hash) as u64
}
