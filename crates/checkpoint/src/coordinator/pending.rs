//! A checkpoint under way.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Kind, Ticket};
use crate::time::Now;
use crate::{SubtaskId, SubtaskStats};

/// A checkpoint from its trigger to its end.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) kind: Kind,
    pub(crate) unaligned: bool,
    pub(crate) tickets: Vec<Ticket>,
    pub(crate) triggered: Now,
    /// How long after the trigger each part was written, and its figures.
    pub(crate) acks: BTreeMap<SubtaskId, (Duration, SubtaskStats)>,
    /// All parts are written, the manifest is on its way.
    pub(crate) publishing: bool,
    pub(crate) metadata_bytes: Option<u64>,
}

impl Pending {
    pub(crate) fn new(kind: Kind, unaligned: bool, ticket: Option<Ticket>, triggered: Now) -> Self {
        Self {
            kind,
            unaligned,
            tickets: ticket.into_iter().collect(),
            triggered,
            acks: BTreeMap::new(),
            publishing: false,
            metadata_bytes: None,
        }
    }

    /// The first ack of a subtask counts.
    pub(crate) fn ack(&mut self, subtask: SubtaskId, stats: SubtaskStats, now: Now) {
        let after = now.since(self.triggered);
        self.acks.entry(subtask).or_insert((after, stats));
    }

    pub(crate) fn acked(&self) -> usize {
        self.acks.len()
    }

    pub(crate) fn checkpointed_bytes(&self) -> u64 {
        self.acks
            .values()
            .map(|(_, stats)| stats.checkpointed_bytes)
            .sum()
    }

    pub(crate) fn full_bytes(&self) -> u64 {
        self.acks.values().map(|(_, stats)| stats.full_bytes).sum()
    }
}
