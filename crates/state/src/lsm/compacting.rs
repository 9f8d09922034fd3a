//! Which tables are merged, and when.
//!
//! ```text
//! few runs       L0 ──► L1 … L6, leveled: few places to look for a key; small trees are rewritten after a few flushes
//! few rewrites   L0 ──► a run of L5 ──► L6: a flush is rewritten once, and all of the tree once in 64 flushes
//! ```
//!
//! A checkpoint moves the tables that the one before did not have: what a compaction rewrites travels again.

use std::sync::Arc;

use lsm_tree::compaction::{CompactionStrategy, Leveled, MoveDown, PullDown};
use lsm_tree::{AbstractTree, AnyTree};

/// Runs of the last level but one, each a merge of the newest level, before they are merged with the last.
const RUNS_MAX: usize = 8;

/// What compactions are to save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compacting {
    /// Reads: a key is looked for in few tables. For states that are read more often than they are checkpointed.
    FewRuns,
    /// Bytes of checkpoints: a table is rewritten seldom, at the price of up to 16 more tables in which a key may be.
    /// All of the state is rewritten in one step now and then: it needs as much room again, and closing waits for it.
    FewRewrites,
}

/// Decides for one tree.
pub(super) struct Policy {
    compacting: Compacting,
    leveled: Arc<Leveled>,
    l0_tables_max: usize,
}

impl Policy {
    pub(super) fn new(compacting: Compacting, l0_tables_max: u8, table_bytes: u64) -> Self {
        let leveled = Leveled::default()
            .with_l0_threshold(l0_tables_max)
            .with_table_target_size(table_bytes);
        Self {
            compacting,
            leveled: Arc::new(leveled),
            l0_tables_max: usize::from(l0_tables_max),
        }
    }

    /// What compactions of this tree are to save.
    pub(super) fn compacting(&self) -> Compacting {
        self.compacting
    }

    /// Whether it is time for a compaction.
    pub(super) fn wants(&self, tree: &AnyTree) -> bool {
        tree.level_table_count(0)
            .is_some_and(|tables| tables >= self.l0_tables_max)
    }

    /// The next step; one that changes nothing is the last. A tree that was compacted in the other way is brought into
    /// this one's shape first.
    pub(super) fn next(&self, tree: &AnyTree) -> Option<Arc<dyn CompactionStrategy>> {
        match self.compacting {
            Compacting::FewRuns => Some(self.next_of_leveled(tree)),
            Compacting::FewRewrites => self.next_of_few(tree),
        }
    }

    /// Leveled compaction wants one run in each level from the first that has any to the last: several are merged with the
    /// level below, which is older, and those above an empty level go down.
    fn next_of_leveled(&self, tree: &AnyTree) -> Arc<dyn CompactionStrategy> {
        let version = tree.current_version();
        let runs = |level: u8| {
            let level = version.level(usize::from(level));
            level.map_or(0, |level| level.run_count())
        };
        if let Some(level) = (1..6).find(|&level| runs(level) > 1) {
            return Arc::new(PullDown(level, level + 1));
        }
        match (1..6)
            .rev()
            .find(|&level| runs(level) > 0 && runs(level + 1) == 0)
        {
            Some(level) => Arc::new(MoveDown(level, level + 1)),
            None => self.leveled.clone(),
        }
    }

    /// A merge of the newest level becomes one run, in level 4, which is empty otherwise; it is moved before the other
    /// runs of level 5, which are older; these are merged with level 6 when they are many, or as much as it is.
    fn next_of_few(&self, tree: &AnyTree) -> Option<Arc<dyn CompactionStrategy>> {
        let version = tree.current_version();
        let runs = |level: usize| version.level(level).map_or(0, |level| level.run_count());
        let bytes = |level: usize| version.level(level).map_or(0, |level| level.size());
        // What leveled compaction has there goes down first: nothing may be older above newer.
        if let Some(upper) = (1..4u8).rev().find(|&level| runs(usize::from(level)) > 0) {
            return Some(Arc::new(PullDown(upper, upper + 1)));
        }
        if runs(4) > 0 {
            return Some(Arc::new(MoveDown(4, 5)));
        }
        if runs(5) >= RUNS_MAX || (runs(5) > 0 && bytes(5) >= bytes(6)) {
            return Some(Arc::new(PullDown(5, 6)));
        }
        self.wants(tree).then(|| Arc::new(PullDown(0, 4)) as _)
    }
}

#[cfg(test)]
mod tests;
