//! What a seed draws before the world begins, and what it draws again for each life of the process.

use std::time::Duration;

use everspan_checkpoint::{DetailLevel, Options};
use everspan_stream::{CheckpointingMode, JobOptions, RestartStrategy, StateBackend, StateOptions};
use everspan_wal::sim_disk::SimRng;

use super::Mutation;

/// Which job runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// Two sources, a keyed function with all kinds of state and timers, a side output, two sinks.
    Ledger,
    /// Tumbling windows; sources fall idle, so some records are late.
    Tumbling,
    /// Sliding windows; nobody is idle, so nobody is late.
    Sliding,
    /// Records go round in turn, then by key, then by another key.
    Hops,
}

/// Chances are "one in so many", 0 = never.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) program: Program,
    pub(super) is_exactly_once: bool,
    pub(super) key_groups: u16,
    pub(super) buffers_per_channel: usize,
    pub(super) chains_keyed: bool,
    pub(super) watermark_interval: Duration,
    /// The process dies, per move.
    pub(super) crash: usize,
    /// Per request to the store.
    pub(super) failing_store: usize,
    /// A piece of work at the store hangs for a while.
    pub(super) hanging_store: usize,
    /// Per record, and per call of a source.
    pub(super) failing_function: usize,
    /// Per call of a sink that prepares or commits.
    pub(super) failing_sink: usize,
    /// A subtask is starved for a while.
    pub(super) lazy: usize,
    /// A subtask wakes for nothing, per move.
    pub(super) spurious: usize,
    /// Time jumps although there is something to do.
    pub(super) hurry: usize,
    /// A move takes at most so long.
    pub(super) pace_us: usize,
    /// Somebody asks for a checkpoint or savepoint, per move.
    pub(super) asks: usize,
    /// Somebody stops the job with a savepoint, per move.
    pub(super) stops: usize,
    /// Whether a new process may have another parallelism.
    pub(super) rescales: bool,
    /// Faults end after so many moves.
    pub(super) calm_at: u64,
    /// Whether savepoints have a store of their own.
    pub(super) has_savepoint_store: bool,
    pub(super) backend: StateBackend,
    /// For rows of state on disk.
    pub(super) lsm_memory_bytes: u64,
    /// Files below so many bytes are part of the manifest.
    pub(super) inline_below: u64,
    pub(super) mutation: Option<Mutation>,
}

impl Settings {
    pub(super) fn draw(rng: &mut SimRng, mutation: Option<Mutation>) -> Self {
        let mut one = |values: [usize; 4]| values[rng.below(4)];
        let crash = one([0, 300, 1000, 3000]);
        let failing_store = one([0, 0, 20, 100]);
        let hanging_store = one([0, 5, 20, 100]);
        let failing_function = one([0, 0, 200, 1000]);
        let failing_sink = one([0, 0, 20, 50]);
        let lazy = one([0, 2, 3, 6]);
        let spurious = one([0, 0, 10, 100]);
        let hurry = one([0, 10, 50, 200]);
        let pace_us = one([20, 200, 1000, 5000]);
        let asks = one([0, 0, 200, 1000]);
        let stops = one([0, 0, 500, 2000]);
        let buffers_per_channel = one([1, 1, 2, 8]);
        let programs = [
            Program::Ledger,
            Program::Tumbling,
            Program::Sliding,
            Program::Hops,
        ];
        Self {
            program: programs[rng.below(4)],
            is_exactly_once: !rng.one_in(6),
            key_groups: [4, 5, 8, 16][rng.below(4)],
            buffers_per_channel,
            chains_keyed: rng.one_in(2),
            watermark_interval: Duration::from_millis([1, 10, 40][rng.below(3)]),
            crash,
            failing_store,
            hanging_store,
            failing_function,
            failing_sink,
            lazy,
            spurious,
            hurry,
            pace_us,
            asks,
            stops,
            rescales: rng.one_in(2),
            calm_at: 300 + rng.below(4000) as u64,
            inline_below: [0, 200, 1 << 20][rng.below(3)],
            has_savepoint_store: rng.one_in(4),
            // Trees are files: they cost more than all the rest.
            backend: if rng.one_in(8) {
                StateBackend::Lsm
            } else {
                StateBackend::Hashmap
            },
            lsm_memory_bytes: [1 << 10, 4 << 10, 1 << 20][rng.below(3)],
            mutation,
        }
    }

    /// The options of one life of the process.
    pub(super) fn options(&self, rng: &mut SimRng) -> JobOptions {
        let millis = |millis: u64| Duration::from_millis(millis);
        let unaligned = self.is_exactly_once && rng.one_in(2);
        let checkpoints = Options {
            interval: Some(millis([5, 20, 60, 200][rng.below(4)])),
            min_pause: millis([0, 0, 30][rng.below(3)]),
            timeout: millis([40, 200, 2000][rng.below(3)]),
            max_concurrent: if unaligned { 1 } else { 1 + rng.below(3) },
            tolerable_failures: [Some(0), Some(2), None][rng.below(3)],
            retained: 1 + rng.below(3),
            unaligned,
            detail: DetailLevel::NAMES[rng.below(4)].1,
        };
        JobOptions {
            checkpoints,
            mode: if self.is_exactly_once {
                CheckpointingMode::ExactlyOnce
            } else {
                CheckpointingMode::AtLeastOnce
            },
            aligned_timeout: [None, Some(millis(3)), Some(millis(50))][rng.below(3)],
            restart: Some(strategy(rng)),
            state: StateOptions {
                backend: self.backend,
                lsm_memory_bytes: self.lsm_memory_bytes,
                incremental: !rng.one_in(4),
                local_recovery: [None, Some(false), Some(true)][rng.below(3)],
                lsm_dir: None,
            },
            ..JobOptions::default()
        }
    }

    /// How many subtasks the tasks of one life of the process have.
    pub(super) fn parallelism(&self, rng: &mut SimRng, before: Option<usize>) -> usize {
        match before {
            Some(before) if !self.rescales => before,
            _ => 1 + rng.below(4),
        }
    }
}

fn strategy(rng: &mut SimRng) -> RestartStrategy {
    let millis = |millis: u64| Duration::from_millis(millis);
    match rng.below(4) {
        0 => RestartStrategy::None,
        1 => RestartStrategy::FixedDelay {
            attempts: 2,
            delay: millis(10),
        },
        2 => RestartStrategy::ExponentialDelay {
            initial_backoff: millis(5),
            max_backoff: millis(200),
            backoff_multiplier: 2.0,
            reset_backoff_threshold: millis(1000),
        },
        _ => RestartStrategy::FailureRate {
            max_failures_per_interval: 3,
            interval: millis(500),
            delay: millis(20),
        },
    }
}
