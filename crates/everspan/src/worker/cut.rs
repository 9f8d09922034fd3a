//! A worker's part in a checkpoint: a cut through all partitions in which no message has only one half.
//!
//! ```text
//! Hold ─► (flushes under way end) ─► holding: messages between partitions and their acknowledgements wait
//!              all workers hold ─► Take ─► settle, snapshot every partition ─► told, go on
//! ```
//!
//! A message is received, or known to be received, only in records made before some worker held; so what one partition's
//! snapshot says of another is in that one's snapshot, too. A worker that is not asked on in time lets go by itself.

use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use everspan_durable::partition::PartitionError;
use everspan_state::{Backend, LsmSnapshot, StateError};
use tokio::sync::mpsc::UnboundedSender;

use super::input::Input;
use super::maintenance::wait_until;
use super::run::{Fatal, Worker};
use super::shard::Shard;

/// Longest time messages between partitions wait for a checkpoint.
const HOLD_MAX: Duration = Duration::from_secs(10);
/// How often a worker looks whether what a checkpoint waits for has happened.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// What a checkpoint asks of a worker.
#[derive(Debug)]
pub enum Cut {
    /// Let messages between partitions wait.
    Hold {
        /// For which checkpoint.
        checkpoint: u64,
        /// Whom to tell.
        tell: UnboundedSender<CutNews>,
    },
    /// Every worker holds: take a snapshot of every partition, and go on.
    Take {
        /// For which checkpoint.
        checkpoint: u64,
    },
    /// The checkpoint is given up.
    LetGo {
        /// Which one.
        checkpoint: u64,
    },
}

/// What a worker tells of a checkpoint.
#[derive(Debug)]
pub enum CutNews {
    /// Its messages wait.
    Holds {
        /// For which checkpoint.
        checkpoint: u64,
        /// Its partitions.
        partitions: Vec<u16>,
    },
    /// A partition's snapshot was taken, or why it was not.
    Taken {
        /// Of which checkpoint.
        checkpoint: u64,
        /// Of which partition.
        partition: u16,
        /// The snapshot.
        result: Result<Taken, String>,
    },
}

/// A snapshot that is still to be written, and how long it took.
pub struct Taken {
    /// What is to be written.
    pub snapshot: LsmSnapshot,
    /// From the request to hold until the worker held.
    pub start_delay: Duration,
    /// While messages waited for other workers.
    pub alignment: Duration,
    /// While the worker did nothing else.
    pub sync: Duration,
    /// Bytes of the records that the partition made while messages waited.
    pub processed_bytes: u64,
}

impl std::fmt::Debug for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Taken")
            .field("position", &self.snapshot.position())
            .finish_non_exhaustive()
    }
}

/// A worker that holds, or is about to.
pub(super) struct Hold {
    checkpoint: u64,
    tell: UnboundedSender<CutNews>,
    asked: Instant,
    /// Since when messages wait; not before the flushes under way have ended.
    since: Option<Instant>,
    /// What each partition had recorded then, bytes.
    recorded_bytes: Vec<u64>,
    /// Messages and acknowledgements, in the order in which they came.
    inputs: Vec<Input>,
}

impl Worker {
    pub(super) fn cut(&mut self, cut: Cut, mailbox: &Receiver<Input>) -> Result<(), Fatal> {
        match cut {
            Cut::Hold { checkpoint, tell } => {
                self.let_go("another checkpoint has begun");
                self.hold = Some(Hold {
                    checkpoint,
                    tell,
                    asked: Instant::now(),
                    since: None,
                    recorded_bytes: Vec::new(),
                    inputs: Vec::new(),
                });
            }
            Cut::Take { checkpoint } => {
                let asked = self.hold.as_ref().map(|hold| hold.checkpoint);
                if asked == Some(checkpoint) {
                    self.take(mailbox)?;
                }
            }
            Cut::LetGo { checkpoint } => {
                let asked = self.hold.as_ref().map(|hold| hold.checkpoint);
                if asked == Some(checkpoint) {
                    self.let_go("it was given up");
                }
            }
        }
        Ok(())
    }

    /// Whether a message between partitions has to wait.
    pub(super) fn is_holding(&self) -> bool {
        self.hold.as_ref().is_some_and(|hold| hold.since.is_some())
    }

    /// Whether a checkpoint waits for this worker, so that it must look again soon.
    pub(super) fn is_cutting(&self) -> bool {
        self.hold.as_ref().is_some_and(|hold| hold.since.is_none())
    }

    /// A message or an acknowledgement that waits.
    pub(super) fn hold_input(&mut self, input: Input) {
        let hold = self.hold.as_mut().expect("only a holding worker holds inputs");
        hold.inputs.push(input);
    }

    /// Begins to hold once no flush is under way; lets go when nobody asked on.
    pub(super) fn hold_if_due(&mut self) {
        let flushing = self.shards.iter().any(|shard| shard.flushing);
        let full = self.memory_is_full();
        let partitions = || self.shards.iter().map(|shard| shard.number).collect();
        let Some(hold) = &mut self.hold else { return };
        match hold.since {
            None if !flushing => {
                hold.since = Some(Instant::now());
                hold.recorded_bytes = self.shards.iter().map(|shard| shard.recorded_bytes).collect();
                let news = CutNews::Holds {
                    checkpoint: hold.checkpoint,
                    partitions: partitions(),
                };
                // Nobody listens any more: then the hold ends by itself.
                drop(hold.tell.send(news));
            }
            Some(since) if since.elapsed() > HOLD_MAX => self.let_go("other workers took too long to hold"),
            // Nothing is flushed while messages wait.
            Some(_) if full => self.let_go("the state in memory has grown too large meanwhile"),
            _ => {}
        }
    }

    fn memory_is_full(&self) -> bool {
        let full = 2 * self.router.limits.flush_bytes;
        let unflushed = |shard: &Shard| shard.partition.machine().backend().unflushed_bytes();
        self.shards.iter().any(|shard| unflushed(shard) >= full)
    }

    /// Messages go on; every partition that was not frozen declines.
    fn let_go(&mut self, why: &str) {
        let Some(hold) = self.hold.take() else { return };
        for shard in &self.shards {
            let of = (hold.checkpoint, shard.number);
            tell(&hold.tell, of, Err(why.to_owned()));
        }
        self.go_on(hold.inputs);
    }

    /// What waited comes before everything that has come since.
    fn go_on(&mut self, waited: Vec<Input>) {
        for input in waited.into_iter().rev() {
            self.deferred.push_front(input);
        }
    }

    /// Takes a snapshot of every partition: from here on the worker goes on.
    fn take(&mut self, mailbox: &Receiver<Input>) -> Result<(), Fatal> {
        let Some(hold) = self.hold.take() else {
            return Ok(());
        };
        let since = hold.since.expect("a checkpoint goes on when every worker holds");
        let begun = Instant::now();
        let mut snapshots = Vec::new();
        for index in 0..self.shards.len() {
            snapshots.push(self.snapshot(index, mailbox)?);
        }
        let sync = begun.elapsed();
        for (index, snapshot) in snapshots.into_iter().enumerate() {
            let shard = &self.shards[index];
            let result = snapshot.map(|snapshot| Taken {
                snapshot,
                start_delay: since - hold.asked,
                alignment: begun - since,
                sync,
                processed_bytes: shard.recorded_bytes - hold.recorded_bytes[index],
            });
            tell(&hold.tell, (hold.checkpoint, shard.number), result);
        }
        self.go_on(hold.inputs);
        Ok(())
    }

    /// A snapshot of one partition, or why it cannot be had now.
    fn snapshot(
        &mut self,
        index: usize,
        mailbox: &Receiver<Input>,
    ) -> Result<Result<LsmSnapshot, String>, Fatal> {
        if !self.settle(index, mailbox)? {
            return Ok(Err("the log did not sync what was applied in time".to_owned()));
        }
        let secured = self.secure_spans();
        let shard = &mut self.shards[index];
        let taken = shard
            .partition
            .backend_mut()
            .snapshot_behind(move || wait_until(&secured));
        match taken {
            Ok(snapshot) => {
                shard.flushed = Instant::now();
                shard.flushing = true;
                Ok(Ok(snapshot))
            }
            Err(error @ (StateError::DiskFull { .. } | StateError::FreeSpaceUnknown { .. })) => {
                Ok(Err(error.to_string()))
            }
            Err(error) => Err(Fatal::Partition(shard.number, PartitionError::State(error))),
        }
    }
}

fn tell(to: &UnboundedSender<CutNews>, of: (u64, u16), result: Result<Taken, String>) {
    let (checkpoint, partition) = of;
    // Nobody listens any more when the checkpoint was given up.
    drop(to.send(CutNews::Taken {
        checkpoint,
        partition,
        result,
    }));
}
