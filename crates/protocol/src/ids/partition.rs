//! From keys to partitions.

use xxhash_rust::xxh3::Xxh3;

/// What ends a hashed key; no UTF-8 text has this byte.
const KEY_END: &[u8] = &[0xff];

/// The partition key of an object key, a workflow key or an idempotency key: the XXH3 hash of its bytes and `0xff`.
pub fn partition_key_of(key: &str) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(key.as_bytes());
    hash.update(KEY_END);
    hash.digest()
}

/// The partition, below `partitions`, that owns a partition key: equal ranges of the whole `u64`, in order.
///
/// ```
/// use everspan_protocol::ids::partition_of;
/// assert_eq!([0, u64::MAX / 2, u64::MAX].map(|key| partition_of(key, 8)), [0, 3, 7]);
/// ```
///
/// # Panics
/// If `partitions` is 0.
pub fn partition_of(partition_key: u64, partitions: u16) -> u16 {
    assert!(partitions > 0, "there is at least one partition");
    let partition = (u128::from(partition_key) * u128::from(partitions)) >> 64;
    u16::try_from(partition).expect("the product is below partitions * 2^64")
}
