//! What a worker does beside its work: flush state to disk, forget what is past its retention, stop in order.

use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use everspan_durable::partition::PartitionError;
use everspan_durable::record::Body;
use everspan_export::Secured;
use everspan_state::{Backend, StateError};
use everspan_wal::{Batch, LogStatus};

use super::input::Input;
use super::run::{Fatal, Worker};
use crate::clock::now_ms;

/// A partition that has changed is flushed at least so often, so that the log can be trimmed.
const FLUSH_AT_LEAST: Duration = Duration::from_secs(60);
/// Pause after a flush that was put off for lack of space: a worker has other things to do than to ask again.
const FLUSH_PAUSE: Duration = Duration::from_secs(5);
/// How often the places of clients that have gone are cleared.
const SWEEP_EVERY: Duration = Duration::from_secs(30);
/// Spans that are not safe after so long are told in the log.
const SECURE: Duration = Duration::from_secs(60);
/// Longest wait for the log to sync what a flush needs.
const SETTLE: Duration = Duration::from_secs(10);

impl Worker {
    /// Begins to flush partitions whose state in memory is large or old, and notes the flushes that have ended.
    pub(super) fn flush_if_due(&mut self, mailbox: &Receiver<Input>) -> Result<(), Fatal> {
        for index in 0..self.shards.len() {
            let shard = &self.shards[index];
            let unflushed = shard.partition.machine().backend().unflushed_bytes();
            let is_held = self.hold.is_some();
            if shard.flushing && (is_held || unflushed < 2 * self.router.limits.flush_bytes) {
                self.note_flushed(index)?;
                continue;
            }
            if is_held {
                // The checkpoint flushes it in a moment.
                continue;
            }
            let since = shard.flushed.elapsed();
            let large = unflushed >= self.router.limits.flush_bytes;
            if flush_is_due(since, shard.flush_put_off, large, unflushed > 0) {
                self.begin_flush(index, mailbox)?;
            }
        }
        Ok(())
    }

    /// When a flush that was begun has ended, the log below it may go.
    fn note_flushed(&mut self, index: usize) -> Result<(), Fatal> {
        let shard = &mut self.shards[index];
        let polled = shard
            .partition
            .poll_flush()
            .map_err(|error| Fatal::Partition(shard.number, error))?;
        if let Some(seq) = polled {
            shard.flushing = false;
            let (partition, disk_full) = (shard.number, self.router.is_disk_full());
            self.committer
                .trim(self.persisted.note(partition, seq, disk_full));
        }
        Ok(())
    }

    /// Clears the places of clients that have gone, once in a while.
    pub(super) fn sweep_if_due(&mut self) {
        if self.swept.elapsed() >= SWEEP_EVERY {
            self.swept = Instant::now();
            for shard in &mut self.shards {
                shard.waiting.sweep();
            }
        }
    }

    /// Begins to flush one partition once the log has synced all of it; puts it off when the log or the disk is full.
    /// A partition that has filled its memory twice while a flush is under way waits for that one here.
    fn begin_flush(&mut self, index: usize, mailbox: &Receiver<Input>) -> Result<(), Fatal> {
        self.shards[index].flushed = Instant::now();
        self.shards[index].flush_put_off = true;
        if !self.settle(index, mailbox)? {
            return Ok(());
        }
        let secured = self.secure_spans();
        let shard = &mut self.shards[index];
        let begun = shard
            .partition
            .backend_mut()
            .begin_flush_behind(move || wait_until(&secured));
        match begun {
            Ok(()) => {
                shard.flush_put_off = false;
                shard.flushing = true;
                Ok(())
            }
            Err(error @ (StateError::DiskFull { .. } | StateError::FreeSpaceUnknown { .. })) => {
                tracing::warn!(partition = shard.number, %error, "state stays in memory, its flush is put off");
                Ok(())
            }
            Err(error) => Err(Fatal::Partition(shard.number, PartitionError::State(error))),
        }
    }

    /// A ticket for all spans of the records so far.
    pub(super) fn secure_spans(&mut self) -> Secured {
        self.push_spans();
        self.spans.secure()
    }

    /// Waits until the log has synced all that the partition has applied; other inputs wait meanwhile.
    pub(super) fn settle(&mut self, index: usize, mailbox: &Receiver<Input>) -> Result<bool, Fatal> {
        let begun = Instant::now();
        while !self.shards[index].partition.is_settled() {
            match self.committer.status() {
                LogStatus::Healthy => {}
                LogStatus::Full => return Ok(false),
                LogStatus::Failed(reason) => return Err(Fatal::Log(reason)),
            }
            if begun.elapsed() > SETTLE {
                return Ok(false);
            }
            match mailbox.recv_timeout(Duration::from_millis(100)) {
                Ok(Input::Synced { partition, seq }) => {
                    let index = self.shard_index(partition);
                    self.shards[index].partition.synced(seq);
                }
                Ok(other) => self.deferred.push_back(other),
                Err(_) => {}
            }
        }
        self.release();
        Ok(true)
    }

    /// Forgets what is past its retention, a little in each turn.
    pub(super) fn expire(&mut self, batch: &mut Batch) -> Result<(), Fatal> {
        let now = now_ms();
        if now < self.next_expiry_ms {
            return Ok(());
        }
        let limit = self.router.limits.timers_per_turn;
        let mut more = false;
        for index in 0..self.shards.len() {
            let shard = &mut self.shards[index];
            let due = shard
                .partition
                .machine()
                .due_expiries(shard.expired_to_ms, now, limit);
            let due = due.map_err(|error| Fatal::Partition(shard.number, PartitionError::State(error)))?;
            let Some(last) = due.last() else { continue };
            more |= due.len() == limit;
            shard.expired_to_ms = last.at_ms;
            self.record(index, Body::Expired(due), batch);
        }
        self.next_expiry_ms = if more { now } else { now + self.cleanup_interval_ms };
        Ok(())
    }

    /// Stops in order: attempts are cut and told as yielded, everything accepted is synced, the state is flushed.
    pub(super) fn shut_down(&mut self, mailbox: &Receiver<Input>) -> Result<(), Fatal> {
        let mut batch = self.committer.batch();
        for index in 0..self.shards.len() {
            self.shards[index].running.clear();
            self.record(index, Body::Stopped, &mut batch);
        }
        self.write(batch)?;
        for index in 0..self.shards.len() {
            self.begin_flush(index, mailbox)?;
        }
        for index in 0..self.shards.len() {
            while self.shards[index].flushing {
                self.note_flushed(index)?;
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        // Of a partition that could not be flushed.
        self.push_spans();
        Ok(())
    }
}

/// A state on disk leaves no record to make its spans of again: they are safe first. That needs the local disk, never a
/// collector.
pub(super) fn wait_until(secured: &Secured) {
    while !secured.wait_timeout(SECURE) {
        tracing::warn!("a flush of state waits for spans to be written to disk");
    }
}

/// Whether a partition is to be flushed, `since` its last flush or the last one put off.
fn flush_is_due(since: Duration, put_off: bool, large: bool, changed: bool) -> bool {
    let due = large || (changed && since >= FLUSH_AT_LEAST);
    due && (!put_off || since >= FLUSH_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flush_put_off_for_lack_of_space_is_not_tried_in_every_turn() {
        let seconds = Duration::from_secs;
        let cases = [
            (seconds(0), false, true, true),
            (seconds(59), false, false, false),
            (seconds(60), false, false, true),
            (seconds(0), true, true, false),
            (seconds(4), true, true, false),
            (seconds(5), true, true, true),
        ];
        for (since, put_off, large, due) in cases {
            assert_eq!(
                flush_is_due(since, put_off, large, true),
                due,
                "{since:?} {put_off} {large}"
            );
        }
        assert!(
            !flush_is_due(seconds(600), false, false, false),
            "nothing has changed"
        );
    }
}
