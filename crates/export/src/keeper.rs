//! The thread that writes to disk what cannot wait in memory.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::Batch;
use crate::notices::Notices;
use crate::queue::{Chore, Queue};
use crate::spool::AppendError;
use crate::storage::Storage;

/// Does the chores of the queue, one by one. It never waits for a destination, so what must be safe soon is.
pub(crate) struct Keeper {
    pub(crate) queue: Arc<Queue>,
    pub(crate) storage: Arc<Storage>,
    pub(crate) notices: Arc<Notices>,
}

impl Keeper {
    /// Works until the queue is stopped and all that memory had is on disk, or dropped for want of room.
    pub(crate) fn run(self) {
        if catch_unwind(AssertUnwindSafe(|| self.work())).is_err() {
            tracing::error!("the thread that spools spans failed: what memory holds of them is dropped");
        }
        self.queue.keeper_ended();
    }

    fn work(&self) {
        loop {
            match self.queue.next_chore() {
                Chore::Write(number, batch) => self.write(number, &batch),
                Chore::Sync(upto) => self.sync(upto),
                Chore::Stop => break,
            }
        }
        self.sync(0);
    }

    fn write(&self, number: u64, batch: &Batch) {
        let trouble = match self.storage.spool.append(number, batch) {
            Ok(place) => {
                if !self.queue.spooled(number, place) {
                    self.storage.spool.release(place);
                }
                return;
            }
            Err(AppendError::TooLarge) => {
                self.queue.cannot_spool(number);
                return;
            }
            Err(AppendError::NoRoom) => "the trace spool has reached its limit".to_owned(),
            Err(AppendError::Disk(error)) => error.to_string(),
        };
        self.queue.write_failed();
        self.notices
            .warn("spans find no room on disk", &trouble, &self.queue.counters());
    }

    /// What cannot be synced still outlives this process, and nobody is held up.
    fn sync(&self, upto: u64) {
        let synced = self.storage.spool.sync();
        if let Err(error) = synced.and_then(|()| self.storage.position.sync(upto)) {
            let why = error.to_string();
            self.notices
                .warn("spooled spans could not be synced", &why, &self.queue.counters());
        }
        self.queue.synced(upto);
    }
}
