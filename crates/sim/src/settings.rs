//! What a seed draws before the world begins: sizes, chances of each fault, and the mutation under test.

use everspan_durable::machine::Keep;
use everspan_durable::policy::{OnMaxAttempts, Retention, RetryPolicy};
use everspan_durable::record::HandlerFacts;
use everspan_durable::target::HandlerKind;
use everspan_wal::sim_disk::SimRng;

use crate::program::OBJECT;

/// How long ended invocations are kept, ms: longer than any run.
pub(crate) const RETENTION_MS: u64 = 100 * 3_600_000;

/// A bug put into the world on purpose, to see that the checker can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// Effects leave before the sync, and nobody looks at the disk: only the consequences tell.
    ReleaseBeforeSync,
    /// State is flushed, and the log forgotten, before the spans of its records are safe.
    FlushBeforeSpans,
    /// Messages between partitions go on while a checkpoint is cut.
    HoldNothing,
    /// The manifest of a checkpoint does not wait for all its files.
    PublishEarly,
    /// A checkpoint that is forgotten takes along files that others need.
    ForgetShared,
    /// What was written of a copy on the disk when the process died counts as a copy.
    HalfCopies,
}

/// Chances are "one in so many steps", 0 = never.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) partitions: u16,
    pub(crate) clients: usize,
    pub(crate) attempts_max: u32,
    pub(crate) eager_state_max: usize,
    pub(crate) segment_bytes: u64,
    pub(crate) inactivity_ms: u64,
    pub(crate) policy: RetryPolicy,
    pub(crate) crash: usize,
    pub(crate) failing_sync: usize,
    pub(crate) full_disk: usize,
    pub(crate) flush: usize,
    pub(crate) broken_stream: usize,
    pub(crate) hanging_service: usize,
    pub(crate) duplicate: usize,
    pub(crate) ending: usize,
    /// The server stops in order.
    pub(crate) stop: usize,
    /// One client in so many is not sampled.
    pub(crate) unsampled: usize,
    pub(crate) keep: Option<Keep>,
    /// How eagerly time goes on although something else could happen.
    pub(crate) hurry: usize,
    /// Somebody asks for a checkpoint; 0: there is no store.
    pub(crate) checkpoint: usize,
    /// A request to the store fails.
    pub(crate) failing_store: usize,
    /// One crash in so many takes states, or the whole disk, where a checkpoint can bring them back.
    pub(crate) losing: usize,
    /// One crash in so many that takes something finds a file of the newest checkpoint damaged, where an older one can
    /// take its place.
    pub(crate) damaging: usize,
    /// The disk is lost behind one checkpoint in so many.
    pub(crate) losing_behind: usize,
    /// The process dies while a manifest is on its way.
    pub(crate) dying_publish: usize,
    /// The process dies while it restores.
    pub(crate) dying_restore: usize,
    /// Checkpoints that are kept.
    pub(crate) retained: usize,
    /// Files below so many bytes are part of the manifest.
    pub(crate) inline_below: u64,
    pub(crate) mutation: Option<Mutation>,
}

impl Settings {
    pub(crate) fn draw(rng: &mut SimRng, mutation: Option<Mutation>) -> Self {
        let mut chance = |values: [usize; 4]| values[rng.below(4)];
        let crash = chance([0, 150, 500, 2000]);
        let failing_sync = chance([0, 0, 500, 2000]);
        let full_disk = chance([0, 0, 300, 1000]);
        let flush = chance([10, 50, 200, 1000]);
        let broken_stream = chance([0, 20, 50, 300]);
        let hanging_service = chance([0, 0, 100, 500]);
        let duplicate = chance([0, 3, 10, 50]);
        let ending = chance([0, 100, 300, 1000]);
        let stop = chance([0, 0, 1000, 3000]);
        let unsampled = chance([0, 0, 2, 5]);
        let hurry = chance([10, 40, 200, 1000]);
        let checkpoint = chance([0, 200, 500, 2000]);
        let failing_store = chance([0, 0, 20, 100]);
        let losing = chance([0, 2, 3, 10]);
        let dying_restore = chance([0, 5, 10, 30]);
        let damaging = chance([0, 1, 2, 4]);
        let losing_behind = chance([0, 0, 2, 5]);
        let dying_publish = chance([0, 0, 20, 100]);
        Self {
            partitions: [1, 2, 3, 4][rng.below(4)],
            clients: 4 + rng.below(20),
            attempts_max: [1000, 3, 8, 20][rng.below(4)].max(3),
            eager_state_max: [0, 1 << 20][rng.below(2)],
            segment_bytes: [4096, 16_384, 65_536][rng.below(3)],
            inactivity_ms: [0, 50, 1000][rng.below(3)],
            policy: policy(rng),
            crash,
            failing_sync,
            full_disk,
            flush,
            broken_stream,
            hanging_service,
            duplicate,
            ending,
            stop,
            unsampled,
            keep: keep(rng),
            hurry,
            checkpoint,
            failing_store,
            losing,
            damaging,
            losing_behind,
            dying_publish,
            dying_restore,
            retained: 1 + rng.below(3),
            inline_below: [0, 200, 1 << 20][rng.below(3)],
            mutation,
        }
    }

    /// Whether there is a store for checkpoints.
    pub(crate) fn has_checkpoints(&self) -> bool {
        self.checkpoint > 0
    }
}

fn keep(rng: &mut SimRng) -> Option<Keep> {
    let slow_ms = [None, Some(100), Some(1000)][rng.below(3)];
    let failed = rng.one_in(2);
    rng.one_in(2).then_some(Keep { failed, slow_ms })
}

fn policy(rng: &mut SimRng) -> RetryPolicy {
    RetryPolicy {
        initial_interval_ms: 50,
        factor: 2.0,
        max_interval_ms: 2000,
        max_attempts: rng.one_in(4).then_some(3),
        on_max_attempts: OnMaxAttempts::Kill,
    }
}

/// What the deployments say of a service's handler.
pub(crate) fn facts(service: &str) -> HandlerFacts {
    let is_object = service == OBJECT;
    HandlerFacts {
        kind: if is_object {
            HandlerKind::Exclusive
        } else {
            HandlerKind::Service
        },
        retention: Retention {
            completion_ms: RETENTION_MS,
            journal_ms: RETENTION_MS,
        },
        lazy_state: false,
    }
}
