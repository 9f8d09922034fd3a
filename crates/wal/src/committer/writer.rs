//! The writing thread.

use std::collections::BTreeMap;
use std::time::Duration;

use super::LogEvent;
use super::queue::{Queue, Work};
use crate::batch::Batch;
use crate::disk::Disk;
use crate::error::{AppendError, TrimError};
use crate::log::Log;

/// Why the thread ends.
enum End {
    Stopped,
    Failed(String),
}

struct Writer<'a, D, F> {
    log: Log<D>,
    queue: &'a Queue,
    on_event: F,
    is_full: bool,
    /// The disk is full and the end was asked for.
    is_last_try: bool,
    /// Something was committed since the last mark.
    owes_mark: bool,
    committed: Vec<(u16, u64)>,
}

/// Runs until the committer is stopped or the log fails.
pub(super) fn run<D: Disk>(log: Log<D>, queue: &Queue, on_event: impl FnMut(LogEvent<'_>)) {
    let _guard = FailOnPanic(queue);
    let mut writer = Writer {
        log,
        queue,
        on_event,
        is_full: false,
        is_last_try: false,
        owes_mark: false,
        committed: Vec::new(),
    };
    loop {
        match writer.turn() {
            Ok(()) => {}
            Err(End::Stopped) => return,
            Err(End::Failed(reason)) => {
                queue.set_failed(reason.clone());
                return (writer.on_event)(LogEvent::Failed(reason));
            }
        }
    }
}

impl<D: Disk, F: FnMut(LogEvent<'_>)> Writer<'_, D, F> {
    /// Waits, takes everything that waits, acts on it once.
    fn turn(&mut self) -> Result<(), End> {
        let idle = self
            .owes_mark
            .then(|| Duration::from_millis(self.log.options().idle_mark_ms));
        let Some(Work {
            batches,
            trim,
            stopping,
        }) = self.queue.take(idle)
        else {
            return self.mark();
        };
        self.trim(trim)?;
        self.commit(batches)?;
        if stopping {
            self.mark()?;
            self.log.sync().map_err(|error| End::Failed(error.to_string()))?;
            return Err(End::Stopped);
        }
        Ok(())
    }

    /// Writes all batches; those written before the disk turns full are committed before it waits.
    fn commit(&mut self, mut batches: Vec<Batch>) -> Result<(), End> {
        let mut written = 0;
        while written < batches.len() {
            match self.log.append_some(&batches[written..]) {
                Ok(taken) => {
                    written += taken;
                    self.note_space();
                }
                Err(error @ AppendError::Full { .. }) => {
                    self.acknowledge(batches.drain(..written))?;
                    written = 0;
                    self.wait_for_space(&error)?;
                }
                Err(error) => return Err(End::Failed(error.to_string())),
            }
        }
        self.acknowledge(batches.drain(..))
    }

    /// One sync, then the news.
    fn acknowledge(&mut self, batches: impl Iterator<Item = Batch>) -> Result<(), End> {
        let batches: Vec<Batch> = batches.collect();
        if batches.is_empty() {
            return Ok(());
        }
        self.log.sync().map_err(|error| End::Failed(error.to_string()))?;
        self.owes_mark = true;
        let runs = batches.iter().flat_map(Batch::runs);
        let last: BTreeMap<u16, u64> = runs.map(|run| (run.partition, run.last)).collect();
        self.committed.clear();
        self.committed.extend(last);
        (self.on_event)(LogEvent::Committed(&self.committed));
        self.queue.give_back(batches.into_iter());
        Ok(())
    }

    /// Told once when the disk turns full; waits for a trim, for some time, or for the end.
    fn wait_for_space(&mut self, error: &AppendError) -> Result<(), End> {
        if !self.is_full {
            self.is_full = true;
            self.queue.set_full(true);
            let (pending_bytes, message) = (self.queue.pending_bytes(), error.to_string());
            (self.on_event)(LogEvent::Full {
                pending_bytes,
                message,
            });
        }
        if self.is_last_try {
            return Err(End::Stopped);
        }
        let at_most = Duration::from_millis(self.log.options().full_retry_ms);
        let Work { trim, stopping, .. } = self.queue.take_while_full(at_most);
        self.is_last_try = stopping;
        self.trim(trim)
    }

    fn note_space(&mut self) {
        if std::mem::take(&mut self.is_full) {
            self.queue.set_full(false);
            (self.on_event)(LogEvent::SpaceReturned);
        }
    }

    fn trim(&mut self, persisted: Option<BTreeMap<u16, u64>>) -> Result<(), End> {
        match persisted.map(|persisted| self.log.trim(&persisted)) {
            None | Some(Ok(_)) => Ok(()),
            Some(Err(TrimError::Failed(failure))) => Err(End::Failed(failure.to_string())),
            Some(Err(error)) => {
                (self.on_event)(LogEvent::TrimFailed(error.to_string()));
                Ok(())
            }
        }
    }

    /// A mark is a proof, not a promise: without space there is none.
    fn mark(&mut self) -> Result<(), End> {
        self.owes_mark = false;
        match self.log.mark() {
            Ok(()) | Err(AppendError::Full { .. }) => Ok(()),
            Err(error) => Err(End::Failed(error.to_string())),
        }
    }
}

/// A panic on this thread (in the event receiver, say) must not leave submitters waiting.
struct FailOnPanic<'a>(&'a Queue);

impl Drop for FailOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.set_failed("the log thread panicked".to_owned());
        }
    }
}
