//! What wakes the driver, and what it does about it.

use std::sync::Arc;

use everspan_checkpoint::{CheckpointSummary, Input, Kind, SubtaskId};
use everspan_state::store::{CheckpointStore, Listing, Manifest};
use tokio::sync::oneshot;

use super::Driver;
use crate::checkpoints::NoCheckpoint;
use crate::checkpoints::note::RunNote;
use crate::checkpoints::options::TASK;
use crate::checkpoints::under_way::UnderWay;
use crate::checkpoints::upload::{self, Stored};
use crate::worker::{Cut, CutNews, Taken};

/// Whom to answer.
pub(in crate::checkpoints) type Reply = oneshot::Sender<Result<CheckpointSummary, NoCheckpoint>>;

/// Everything that wakes the driver, beside the time and the workers.
pub(in crate::checkpoints) enum Event {
    /// Someone asks for a checkpoint.
    Trigger(Asked),
    /// The destination has been read, or why not.
    Listed(Result<Listing, String>),
    /// A partition's part is stored, or why not.
    Stored {
        checkpoint: u64,
        partition: u16,
        result: Result<Stored, String>,
    },
    /// The manifest is stored, or why not.
    Published {
        checkpoint: u64,
        result: Result<(Manifest, u64), String>,
    },
    /// Give up what is under way and end.
    Stop(oneshot::Sender<RunNote>),
}

/// A request for a checkpoint.
pub(in crate::checkpoints) struct Asked {
    pub(in crate::checkpoints) kind: Kind,
    /// Where it goes, if not to the configured destination.
    pub(in crate::checkpoints) place: Option<String>,
    pub(in crate::checkpoints) reply: Reply,
}

/// Someone who asked.
pub(super) struct Waiting {
    pub(super) reply: Reply,
    /// Where the checkpoint goes, if not to the configured destination.
    pub(super) store: Option<Arc<CheckpointStore>>,
}

pub(super) fn subtask(partition: u16) -> SubtaskId {
    SubtaskId {
        task: 0,
        index: u32::from(partition),
    }
}

impl Driver {
    pub(super) fn event(&mut self, event: Event) {
        match event {
            Event::Trigger(asked) => self.asked(asked),
            Event::Listed(listing) => self.listed(listing),
            Event::Stored {
                checkpoint,
                partition,
                result,
            } => self.stored(checkpoint, partition, result),
            Event::Published { checkpoint, result } => self.published(checkpoint, result),
            Event::Stop(_) => unreachable!("the loop ends with it"),
        }
    }

    pub(super) fn heard(&mut self, news: CutNews) {
        match news {
            CutNews::Holds {
                checkpoint,
                partitions,
            } => {
                let Some(of) = self.under_way.get_mut(&checkpoint) else {
                    return;
                };
                if of.holds(&partitions) {
                    self.router.cut(|| Cut::Take { checkpoint });
                }
            }
            CutNews::Taken {
                checkpoint,
                partition,
                result: Ok(taken),
            } => self.store_part(checkpoint, partition, taken),
            CutNews::Taken {
                checkpoint,
                partition,
                result: Err(reason),
            } => self.decline(checkpoint, partition, reason),
        }
    }

    /// A snapshot is there: write it, and bring it to the store.
    fn store_part(&mut self, checkpoint: u64, partition: u16, taken: Taken) {
        let Some(of) = self.under_way.get_mut(&checkpoint) else {
            return;
        };
        of.taken(partition, &taken);
        let (store, events) = (Arc::clone(&of.store), self.events.clone());
        let dir = self.copies.part_dir(checkpoint, TASK, usize::from(partition));
        let work = async move {
            let result = upload::write_and_upload(store, checkpoint, partition, taken.snapshot, dir).await;
            // Nobody listens any more when the server goes down.
            drop(events.send(Event::Stored {
                checkpoint,
                partition,
                result,
            }));
        };
        let task = tokio::spawn(work);
        of.does(task.abort_handle());
    }

    fn stored(&mut self, checkpoint: u64, partition: u16, result: Result<Stored, String>) {
        match result {
            Ok(stored) => {
                let stats = |of: &mut UnderWay| of.stored(partition, stored);
                let Some(stats) = self.under_way.get_mut(&checkpoint).map(stats) else {
                    return;
                };
                self.tell(Input::Ack {
                    checkpoint,
                    subtask: subtask(partition),
                    stats,
                });
            }
            Err(reason) => self.decline(checkpoint, partition, reason),
        }
    }

    fn decline(&mut self, checkpoint: u64, partition: u16, reason: String) {
        self.tell(Input::Decline {
            checkpoint,
            subtask: subtask(partition),
            reason,
        });
    }

    fn published(&mut self, checkpoint: u64, result: Result<(Manifest, u64), String>) {
        match result {
            Ok((manifest, metadata_bytes)) => {
                if self.under_way.get(&checkpoint).is_some_and(|of| of.is_home) {
                    self.known.add(&manifest);
                    self.keep_copy(&manifest);
                }
                self.tell(Input::Published {
                    checkpoint,
                    metadata_bytes,
                });
            }
            Err(reason) => self.tell(Input::PublishFailed { checkpoint, reason }),
        }
    }
}
