//! How full a channel is, whatever its records.

use std::fmt;
use std::sync::Arc;

use super::Channel;

/// Looks at one channel.
pub(crate) struct Gauge {
    /// Task and number of the sending subtask.
    pub(crate) from: (usize, usize),
    /// Task and number of the receiving subtask.
    pub(crate) to: (usize, usize),
    pub(crate) channel: Arc<dyn Measured>,
}

/// A channel whose records do not matter.
pub(crate) trait Measured: Send + Sync {
    fn level(&self) -> Level;
}

impl<T: Send> Measured for Channel<T> {
    fn level(&self) -> Level {
        Channel::level(self)
    }
}

/// What waits in a channel at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Batches of records.
    pub batches: usize,
    /// All messages: batches, barriers, watermarks.
    pub messages: usize,
    /// Of them barriers.
    pub barriers: usize,
    /// Whether the sender has more and waits for room.
    pub sender_waits: bool,
    /// Whether there is more than there is room, because a barrier overtook what the sender had kept.
    pub is_over: bool,
}

/// A channel between two subtasks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pressure {
    /// Task and number of the sending subtask.
    pub from: (usize, usize),
    /// Task and number of the receiving subtask.
    pub to: (usize, usize),
    /// What waits.
    pub level: Level,
}

impl Gauge {
    pub(crate) fn read(&self) -> Pressure {
        Pressure {
            from: self.from,
            to: self.to,
            level: self.channel.level(),
        }
    }
}

impl fmt::Display for Pressure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((from, sender), (to, receiver)) = (self.from, self.to);
        let Level {
            batches,
            messages,
            barriers,
            ..
        } = self.level;
        let waits = if self.level.sender_waits {
            ", sender waits"
        } else {
            ""
        };
        write!(
            f,
            "{from}.{sender} -> {to}.{receiver}: {batches} batches, {barriers} barriers, {messages} messages{waits}"
        )
    }
}
