//! From keys to partitions.

use xxhash_rust::xxh3::xxh3_64;

/// The partition key of an object key, a workflow key or an idempotency key: its XXH3 hash.
pub fn partition_key_of(key: &str) -> u64 {
    xxh3_64(key.as_bytes())
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
