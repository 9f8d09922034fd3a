//! The hash two equal states share, whatever backend holds them.

use xxhash_rust::xxh3::Xxh3;

/// Hashes entries that come in key order, then the applied position.
pub(crate) struct Digest(Xxh3);

impl Digest {
    pub(crate) fn new() -> Self {
        Self(Xxh3::new())
    }

    pub(crate) fn entry(&mut self, key: &[u8], value: &[u8]) {
        for part in [key, value] {
            self.0.update(&(part.len() as u64).to_le_bytes());
            self.0.update(part);
        }
    }

    pub(crate) fn finish(mut self, applied: u64) -> u128 {
        self.0.update(&applied.to_le_bytes());
        self.0.digest128()
    }
}
