//! A partition with everything around it that is not state: who waits, which attempts run, what is to be told.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use everspan_durable::partition::{Partition, PartitionError};
use everspan_durable::record::Body;
use everspan_protocol::ids::InvocationId;
use everspan_state::LsmBackend;
use everspan_wal::Batch;
use tokio::sync::{mpsc, oneshot};

use super::waiting::Waiting;
use crate::invoker::AttemptInput;

/// A running attempt.
pub(super) struct Running {
    pub(super) attempt: u32,
    pub(super) inputs: mpsc::UnboundedSender<AttemptInput>,
}

/// An answer that waits until a record is synced.
pub(super) enum Held {
    /// A message was stored.
    Done(oneshot::Sender<()>),
    /// A message of another partition was stored: tell it.
    Acknowledge { to: u16, seq: u64 },
    /// Something that was read.
    Answer(Box<dyn FnOnce() + Send>),
}

/// A partition and its surroundings.
pub(super) struct Shard {
    pub(super) number: u16,
    pub(super) partition: Partition<LsmBackend>,
    pub(super) waiting: Waiting,
    pub(super) running: HashMap<InvocationId, Running>,
    pub(super) held: VecDeque<(u64, Held)>,
    pub(super) dirty: bool,
    /// When it was flushed, or not flushed for lack of space, the last time.
    pub(super) flushed: Instant,
    /// A flush was put off: the next one is tried after a pause.
    pub(super) flush_put_off: bool,
    /// A flush is under way.
    pub(super) flushing: bool,
    pub(super) expired_to_ms: u64,
    /// Bytes of the records made since the start.
    pub(super) recorded_bytes: u64,
}

impl Shard {
    pub(super) fn new(number: u16, partition: Partition<LsmBackend>) -> Self {
        Self {
            number,
            partition,
            waiting: Waiting::default(),
            running: HashMap::new(),
            held: VecDeque::new(),
            dirty: false,
            flushed: Instant::now(),
            flush_put_off: false,
            flushing: false,
            expired_to_ms: 0,
            recorded_bytes: 0,
        }
    }

    /// Makes a record of what happened and puts it into the batch; returns its number.
    pub(super) fn record(
        &mut self,
        body: Body,
        now_ns: u64,
        scratch: &mut Vec<u8>,
        batch: &mut Batch,
    ) -> u64 {
        scratch.clear();
        let seq = self.partition.prepare(body, now_ns, scratch);
        batch.push(self.number, seq, scratch);
        self.recorded_bytes += scratch.len() as u64;
        self.dirty = true;
        seq
    }

    /// Applies what is prepared.
    pub(super) fn apply(&mut self) -> Result<(), PartitionError> {
        self.dirty = false;
        self.partition.apply_prepared()
    }

    /// Holds an answer until record `seq` is synced.
    pub(super) fn hold(&mut self, seq: u64, held: Held) {
        self.held.push_back((seq, held));
    }

    /// The next answer that may leave.
    pub(super) fn release_held(&mut self) -> Option<Held> {
        let synced = self.partition.synced_up_to();
        match self.held.front() {
            Some(&(seq, _)) if seq <= synced => self.held.pop_front().map(|(_, held)| held),
            _ => None,
        }
    }
}
