//! From sentences to words.

use compact_str::CompactString;
use everspan_stream::{Collector, FlatMapFunction, Result};

/// Emits (word, 1) for each word.
#[derive(Clone)]
pub(crate) struct Tokenizer;

impl FlatMapFunction<String> for Tokenizer {
    type Out = (CompactString, u64);

    fn flat_map(&mut self, line: String, out: &mut impl Collector<(CompactString, u64)>) -> Result {
        for word in line.split_ascii_whitespace() {
            out.collect((CompactString::new(word), 1));
        }
        Ok(())
    }
}

/// Java's `String.hashCode`, widened with its sign.
pub(crate) fn java_hash(word: &str) -> u64 {
    let hash = word.bytes().fold(0i32, |hash, byte| {
        hash.wrapping_mul(31).wrapping_add(i32::from(byte))
    });
    i64::from(hash) as u64
}
