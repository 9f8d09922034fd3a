//! The world outside the server that survives every crash: the clock, side effects, awakeables handed out.

use std::collections::{BTreeMap, BTreeSet};

use everspan_protocol::ids::{AwakeableId, InvocationId};

/// What services do to the world.
pub(crate) struct Outside {
    /// ms since the epoch.
    pub(crate) now_ms: u64,
    executed: BTreeMap<(InvocationId, u32), u32>,
    delivered: BTreeSet<(InvocationId, u32)>,
    seen: BTreeSet<AwakeableId>,
    /// Awakeables nobody has looked at yet.
    pub(crate) new_awakeables: Vec<AwakeableId>,
    /// Side effects executed.
    pub(crate) side_effects: u64,
}

impl Outside {
    pub(crate) fn new(now_ms: u64) -> Self {
        Self {
            now_ms,
            executed: BTreeMap::new(),
            delivered: BTreeSet::new(),
            seen: BTreeSet::new(),
            new_awakeables: Vec::new(),
            side_effects: 0,
        }
    }

    /// The server has forgotten what it told: nobody holds it to that any more.
    pub(crate) fn forget(&mut self) {
        let side_effects = self.side_effects;
        *self = Self::new(self.now_ms);
        self.side_effects = side_effects;
    }

    /// The closure of a run is executed: its result tells which execution it was.
    pub(crate) fn run_executed(&mut self, id: InvocationId, completion_id: u32) -> String {
        let run = (id, completion_id);
        assert!(
            !self.delivered.contains(&run),
            "run {completion_id} of {id} is executed again after its result was delivered"
        );
        let executions = self.executed.entry(run).or_insert(0);
        *executions += 1;
        self.side_effects += 1;
        format!("r{executions};")
    }

    /// The stored result of a run reached a service.
    pub(crate) fn run_delivered(&mut self, id: InvocationId, completion_id: u32) {
        self.delivered.insert((id, completion_id));
    }

    /// A service made an awakeable.
    pub(crate) fn awakeable(&mut self, id: AwakeableId) {
        if self.seen.insert(id) {
            self.new_awakeables.push(id);
        }
    }
}
