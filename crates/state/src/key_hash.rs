//! The hash of a key: which key group it belongs to follows from it, so it is a format and never changes.
//!
//! What is hashed is the key in [Borsh](https://borsh.io), not what `std::hash::Hash` makes of it: the standard library
//! and the crates that hash for it promise the same hash neither from one version to the next nor on every machine, and
//! with another hash the rows of a checkpoint would lie in groups where nobody looks for them.
//!
//! ```text
//!  fold(a, b) = low half of a·b ⊕ high half of a·b              a·b has 128 bits
//!  state      = 0xe7037ed1a0b428db
//!  state      = fold(state ⊕ word, 0x9e3779b97f4a7c15)           for every 8 bytes, little-endian
//!  hash       = fold(state ⊕ rest, 0x8ebc6af09c88c6e3 ⊕ length)   rest: the last 0 to 7 bytes, little-endian
//! ```
//!
//! Nothing is written anywhere: the key's bytes are hashed as they come, and where one write ends and the next begins
//! makes no difference.

use std::io;

use borsh::BorshSerialize;

const SEED: u64 = 0xe703_7ed1_a0b4_28db;
const WORD: u64 = 0x9e37_79b9_7f4a_7c15;
const END: u64 = 0x8ebc_6af0_9c88_c6e3;

/// The hash of a key. Keys that are equal must have equal bytes in Borsh.
///
/// ```
/// assert_eq!(everspan_state::hash_key(&7u64), 0x51c3_a2e1_4a78_2a8e);
/// ```
#[inline(always)]
pub fn hash_key<K: BorshSerialize>(key: &K) -> u64 {
    let mut hasher = Hasher {
        state: SEED,
        rest: 0,
        rest_bits: 0,
        length: 0,
    };
    key.serialize(&mut hasher)
        .expect("a key can be written to memory");
    fold(hasher.state ^ hasher.rest, END ^ hasher.length)
}

#[inline(always)]
fn fold(one: u64, other: u64) -> u64 {
    let [low, high] = halves(u128::from(one) * u128::from(other));
    low ^ high
}

#[inline(always)]
fn halves(number: u128) -> [u64; 2] {
    let [a, b, c, d, e, f, g, h, rest @ ..] = number.to_le_bytes();
    [
        u64::from_le_bytes([a, b, c, d, e, f, g, h]),
        u64::from_le_bytes(rest),
    ]
}

struct Hasher {
    state: u64,
    /// Bytes that do not make a word yet; zeros above them.
    rest: u64,
    /// 0, 8, … 56.
    rest_bits: u32,
    /// Bytes so far.
    length: u64,
}

impl Hasher {
    #[inline(always)]
    fn mix(&mut self, word: u64) {
        self.state = fold(self.state ^ word, WORD);
    }

    /// Takes so many bits, at most 64, that stand at the lower end of `number`.
    #[inline(always)]
    fn take(&mut self, number: u64, bits: u32) {
        let joined = self.rest | (number << self.rest_bits);
        let all = self.rest_bits + bits;
        if all < 64 {
            (self.rest, self.rest_bits) = (joined, all);
            return;
        }
        self.mix(joined);
        self.rest = number.checked_shr(64 - self.rest_bits).unwrap_or(0);
        self.rest_bits = all - 64;
    }
}

impl io::Write for Hasher {
    #[inline(always)]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.length += bytes.len() as u64;
        let (words, rest) = bytes.as_chunks();
        for word in words {
            self.take(u64::from_le_bytes(*word), 64);
        }
        if !rest.is_empty() {
            let (number, bits) = short(rest);
            self.take(number, bits);
        }
        Ok(bytes.len())
    }

    #[inline(always)]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write(bytes).map(drop)
    }

    #[inline(always)]
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One to seven bytes as a number, little-endian, and how many bits that is. Without a loop: keys are often short.
#[inline(always)]
fn short(bytes: &[u8]) -> (u64, u32) {
    let number = match *bytes {
        [a, b, c, d, ref rest @ ..] => {
            let lower = u64::from(u32::from_le_bytes([a, b, c, d]));
            let upper = match *rest {
                [] => 0,
                [e] => u64::from(e),
                [e, f] => u64::from(u16::from_le_bytes([e, f])),
                [e, f, g, ..] => u64::from(u32::from_le_bytes([e, f, g, 0])),
            };
            lower | (upper << 32)
        }
        [a, b, c] => u64::from(u32::from_le_bytes([a, b, c, 0])),
        [a, b] => u64::from(u16::from_le_bytes([a, b])),
        [a] => u64::from(a),
        [] => 0,
    };
    let bits = match bytes.len() {
        length @ 0..8 => 8 * u32::try_from(length).expect("fewer than eight"),
        _ => unreachable!("eight bytes are a word"),
    };
    (number, bits)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;
    use crate::KeyGroup;

    /// As the documentation says it, word by word.
    fn by_the_book(bytes: &[u8]) -> u64 {
        let fold = |a: u64, b: u64| {
            let product = u128::from(a) * u128::from(b);
            u64::try_from(product & u128::from(u64::MAX)).unwrap() ^ u64::try_from(product >> 64).unwrap()
        };
        let number = |bytes: &[u8]| {
            let digits = bytes.iter().rev();
            digits.fold(0, |number, byte| number << 8 | u64::from(*byte))
        };
        let mut words = bytes.chunks_exact(8);
        let state = words.by_ref().fold(0xe703_7ed1_a0b4_28db, |state, word| {
            fold(state ^ number(word), 0x9e37_79b9_7f4a_7c15)
        });
        let end = 0x8ebc_6af0_9c88_c6e3 ^ u64::try_from(bytes.len()).unwrap();
        fold(state ^ number(words.remainder()), end)
    }

    #[derive(BorshSerialize)]
    enum Colour {
        Red,
        Mixed { of: [u8; 3] },
    }

    #[test]
    fn the_hash_and_the_key_group_of_a_key_are_formats() {
        // Worked out by another program, from the description above.
        let rows: [(u64, u64, u16); 13] = [
            (hash_key(&()), 0xe6d2_4d7e_0390_ae94, 114),
            (hash_key(&0u64), 0xf83a_f011_23fd_aaae, 89),
            (hash_key(&7u64), 0x51c3_a2e1_4a78_2a8e, 17),
            (hash_key(&u64::MAX), 0x0dec_92dc_d30a_9cbc, 126),
            (hash_key(&-1i32), 0x52e5_38ac_375d_c81a, 65),
            (hash_key(&true), 0x7092_273c_3e55_9ed7, 106),
            (hash_key(&(7u64, 8u32)), 0x1f80_f96b_a7a0_2154, 31),
            (hash_key(&""), 0x82e0_4237_7ea3_0d34, 84),
            (hash_key(&"word".to_owned()), 0xc0c2_abbc_ed0b_1ca0, 16),
            (
                hash_key(&"grüße an alle, die das lesen".to_owned()),
                0x803c_81aa_7fd4_9d18,
                89,
            ),
            (hash_key(&vec![1u16, 2, 3]), 0x455a_c212_f72f_9047, 12),
            (hash_key(&Some(Colour::Red)), 0x8991_a6ed_dde1_b139, 120),
            (
                hash_key(&Colour::Mixed { of: [1, 2, 3] }),
                0x575e_f919_4c40_da46,
                122,
            ),
        ];
        let found = rows.map(|(hash, ..)| (hash, hash, KeyGroup::of_hash(hash, 128).0));
        assert_eq!(rows, found, "{found:#x?}");
    }

    proptest! {
        #[test]
        fn where_a_write_ends_makes_no_difference(
            bytes in proptest::collection::vec(any::<u8>(), 0..60),
            cuts in proptest::collection::vec(0..60usize, 0..6),
        ) {
            let mut hasher = Hasher { state: SEED, rest: 0, rest_bits: 0, length: 0 };
            let cuts: BTreeSet<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).chain([bytes.len()]).collect();
            let mut from = 0;
            for to in cuts {
                hasher.write_all(&bytes[from..to]).unwrap();
                from = to;
            }
            let hash = fold(hasher.state ^ hasher.rest, END ^ hasher.length);
            prop_assert_eq!(hash, by_the_book(&bytes));
        }

        #[test]
        fn a_key_has_the_hash_of_its_bytes(key: (String, Vec<(u8, i64)>, Option<u32>)) {
            prop_assert_eq!(hash_key(&key), by_the_book(&borsh::to_vec(&key).unwrap()));
        }
    }

    #[test]
    fn neighbouring_keys_are_far_apart_in_every_part_of_the_hash() {
        let numbers = (0..100_000u64).map(|key| hash_key(&key));
        let words = (0..100_000u32).map(|key| hash_key(&format!("user-{key}")));
        for hashes in [numbers.collect::<Vec<u64>>(), words.collect()] {
            let distinct: BTreeSet<u64> = hashes.iter().copied().collect();
            assert_eq!(distinct.len(), hashes.len());
            for shift in [0, 8, 24, 48, 56] {
                let mut counts = [0u32; 256];
                for hash in &hashes {
                    counts[usize::from((hash >> shift).to_le_bytes()[0])] += 1;
                }
                assert!(
                    counts.iter().all(|count| (280..510).contains(count)),
                    "{shift}: {counts:?}"
                );
            }
        }
    }
}
