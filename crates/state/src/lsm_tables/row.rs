//! A row in memory.

/// A value, and what is known of it on disk.
#[derive(Clone)]
pub(super) struct Row<V> {
    /// `None`: there is none, and what is on disk of it is out of date.
    pub(super) value: Option<V>,
    /// The write-out that has its last change, done or still to come; 0: it is as on disk.
    pub(super) written: u32,
    /// Whether a row of this key may be on disk.
    pub(super) is_on_disk: bool,
}

impl<V> Row<V> {
    /// As it was read; or none was there.
    pub(super) fn read(value: Option<V>) -> Self {
        Self {
            is_on_disk: value.is_some(),
            value,
            written: 0,
        }
    }

    /// Changed for the write-out to come.
    pub(super) fn new(value: Option<V>, epoch: u32, is_on_disk: bool) -> Self {
        Self {
            value,
            written: epoch,
            is_on_disk,
        }
    }

    /// It is being changed; whether that is the first time since the last write-out began.
    #[inline]
    pub(super) fn change(&mut self, epoch: u32) -> bool {
        if self.written == epoch {
            return false;
        }
        // Whether that write-out has come to its end does not matter: it may.
        self.is_on_disk |= self.written != 0;
        self.written = epoch;
        true
    }
}
