//! The seam between the machine and its storage.

use bytes::Bytes;

use crate::StateError;

/// User keys must not begin with this byte; the backends keep their own entries behind it.
pub const RESERVED_KEY_BYTE: u8 = 0xff;

/// Keyed state of one partition.
///
/// Writes come in batches, one batch for each log record: any number of [`put`](Backend::put) and
/// [`delete`](Backend::delete), closed by one [`commit`](Backend::commit). Positions start at 1; a state
/// that has applied nothing says 0. After a crash the state is that of some commit at or behind the
/// last successful [`flush`](Backend::flush), never one between two commits.
///
/// Keys are 1 to 65,535 bytes and do not begin with [`RESERVED_KEY_BYTE`]; a value has at most
/// `u32::MAX` bytes. Breaking either is a bug of the caller and panics.
pub trait Backend: Send {
    /// The value of `key`. Sees every earlier `put` and `delete`, those of the open batch included.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StateError>;

    /// Sets `key` to `value` as part of the open batch.
    fn put(&mut self, key: &[u8], value: &[u8]);

    /// Removes `key`, present or not, as part of the open batch.
    fn delete(&mut self, key: &[u8]);

    /// At most `limit` entries whose keys start with `prefix`, in key order. `from` is the first key to
    /// look at (inclusive); a `from` in front of the prefix changes nothing.
    fn scan(
        &self,
        prefix: &[u8],
        from: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, StateError>;

    /// Closes the batch of the log record at `position`. Panics unless `position` is greater than
    /// [`applied`](Backend::applied): replay starts strictly behind it.
    fn commit(&mut self, position: u64);

    /// The position of the last commit; 0 if there was none.
    fn applied(&self) -> u64;

    /// Bytes written since the last flush: what a crash would make the caller replay.
    fn unflushed_bytes(&self) -> u64;

    /// Makes every commit so far durable and returns the durable position. Panics inside a batch.
    ///
    /// The log may be trimmed up to the returned position, and only after this call returned it.
    /// After [`StateError::DiskFull`] and [`StateError::FreeSpaceUnknown`] nothing was touched: go on
    /// and flush again later. After [`StateError::Poisoned`] no flush will ever succeed.
    fn flush(&mut self) -> Result<u64, StateError>;

    /// Begins to make every commit so far durable, as [`flush`](Backend::flush) does, without waiting for it; one
    /// already under way is waited for first. [`poll_flush`](Backend::poll_flush) tells the end.
    fn begin_flush(&mut self) -> Result<(), StateError> {
        self.flush().map(drop)
    }

    /// `None` while a flush is under way, else the durable position.
    fn poll_flush(&mut self) -> Result<Option<u64>, StateError> {
        Ok(Some(self.persisted()))
    }

    /// The durable position: what a restart finds at least.
    fn persisted(&self) -> u64;

    /// A hash of all user keys, their values and [`applied`](Backend::applied), the same for every
    /// backend. Reads everything: for tests and simulation.
    fn digest(&self) -> Result<u128, StateError>;
}

/// Panics unless `key` is one a caller may use.
pub(crate) fn assert_user_key(key: &[u8]) {
    assert!(!key.is_empty(), "a state key has at least one byte");
    assert!(
        key.len() <= usize::from(u16::MAX),
        "a state key has at most 65535 bytes, this one {}",
        key.len()
    );
    assert!(
        key[0] != RESERVED_KEY_BYTE,
        "a state key does not begin with the reserved byte 0xff: {key:02x?}"
    );
}

/// Panics unless a batch at `position` may follow `applied`.
pub(crate) fn assert_next_position(applied: u64, position: u64) {
    assert!(
        position > applied,
        "positions strictly grow: {position} does not follow {applied}"
    );
}

/// The first key a scan has to look at.
pub(crate) fn scan_start<'a>(prefix: &'a [u8], from: Option<&'a [u8]>) -> &'a [u8] {
    from.map_or(prefix, |from| from.max(prefix))
}
