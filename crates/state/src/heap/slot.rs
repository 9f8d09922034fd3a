//! A bucket as its table holds it: alone, or together with snapshots.
//!
//! ```text
//!  Own(bucket) ── a snapshot is taken ──► Shared(bucket behind a reference count)
//!      ▲                                     │ the first write since
//!      └── the bucket, or a copy of it ──────┘
//! ```
//!
//! So a write finds out once per bucket and snapshot whether it has to copy, and not with an atomic at every record.

use std::sync::Arc;

use super::bucket::Bucket;

/// See the module.
pub(super) enum Slot<K, V> {
    /// Nobody else has it.
    Own(Bucket<K, V>),
    /// Snapshots have it too, or had it.
    Shared(Arc<Bucket<K, V>>),
}

impl<K, V> Default for Slot<K, V> {
    fn default() -> Self {
        Self::Own(Bucket::default())
    }
}

impl<K, V> Slot<K, V> {
    /// For reading.
    #[inline]
    pub(super) fn read(&self) -> &Bucket<K, V> {
        match self {
            Self::Own(bucket) => bucket,
            Self::Shared(bucket) => bucket,
        }
    }

    /// For a snapshot. The bucket stays the same one until it is written to.
    pub(super) fn share(&mut self) -> Arc<Bucket<K, V>> {
        match self {
            Self::Own(bucket) => {
                let shared = Arc::new(std::mem::take(bucket));
                *self = Self::Shared(Arc::clone(&shared));
                shared
            }
            Self::Shared(shared) => Arc::clone(shared),
        }
    }
}

impl<K: Clone, V: Clone> Slot<K, V> {
    /// For writing: what a snapshot still has is copied.
    #[inline]
    pub(super) fn write(&mut self) -> &mut Bucket<K, V> {
        if let Self::Shared(_) = self {
            self.take_back();
        }
        match self {
            Self::Own(bucket) => bucket,
            Self::Shared(_) => unreachable!("it was taken back"),
        }
    }

    #[cold]
    fn take_back(&mut self) {
        if let Self::Shared(shared) = self {
            let bucket = match Arc::get_mut(shared) {
                // The snapshots are gone.
                Some(bucket) => std::mem::take(bucket),
                None => Bucket::clone(shared),
            };
            *self = Self::Own(bucket);
        }
    }

    pub(super) fn into_bucket(self) -> Bucket<K, V> {
        match self {
            Self::Own(bucket) => bucket,
            Self::Shared(shared) => Arc::unwrap_or_clone(shared),
        }
    }
}
