//! From the configuration to what a job is run with.

use std::sync::Arc;

use everspan_checkpoint::Options;
use everspan_export::{Reporters, SharedWriter};

use crate::api::environment::StreamExecutionEnvironment;
use crate::config::Configuration;
use crate::runtime::options::{CheckpointingMode, JobOptions, Start};
use crate::runtime::restart::RestartStrategy;
use crate::runtime::state_options::{StateBackend, StateOptions};

/// What a program's streams are built with.
pub(super) fn shape(env: &StreamExecutionEnvironment, from: &Configuration) {
    let parallelism = usize::try_from(count(from, "parallelism.default")).expect("was checked");
    let key_groups = u16::try_from(count(from, "pipeline.max-parallelism")).expect("was checked");
    env.set_parallelism(parallelism).set_max_parallelism(key_groups);
}

/// What its job is run with.
pub(super) fn of_job(from: &Configuration, reporters: Arc<Reporters>) -> JobOptions {
    JobOptions {
        checkpoints: checkpoints(from),
        mode: match from.text("execution.checkpointing.mode") {
            Some("AT_LEAST_ONCE") => CheckpointingMode::AtLeastOnce,
            _ => CheckpointingMode::ExactlyOnce,
        },
        checkpoint_dir: from.text("execution.checkpointing.dir").map(str::to_owned),
        savepoint_dir: from
            .text("execution.checkpointing.savepoint-dir")
            .map(str::to_owned),
        start: match from.text("execution.state-recovery.path") {
            Some("newest") | None => Start::Newest,
            Some("none") => Start::Fresh,
            Some(number) => Start::From(number.parse().expect("was checked")),
        },
        drops_unclaimed: from.is_on("execution.state-recovery.ignore-unclaimed-state"),
        restart: restart(from),
        state: state(from),
        local_dir: from.path("process.working-dir"),
        spans: (!reporters.is_empty()).then(|| Arc::new(SharedWriter::new(reporters.writer())) as _),
        ..JobOptions::default()
    }
}

fn checkpoints(from: &Configuration) -> Options {
    let key = |leaf: &str| format!("execution.checkpointing.{leaf}");
    let duration = |leaf: &str| from.duration(&key(leaf)).expect("has a default");
    let narrow = |leaf: &str| usize::try_from(count(from, &key(leaf))).expect("was checked");
    let failures = count(from, &key("tolerable-failed-checkpoints"));
    let detail = from.text("traces.checkpoint.span-detail-level");
    Options {
        interval: from.duration(&key("interval")),
        min_pause: duration("min-pause"),
        timeout: duration("timeout"),
        max_concurrent: narrow("max-concurrent-checkpoints"),
        tolerable_failures: u32::try_from(failures).ok(),
        retained: narrow("num-retained"),
        unaligned: from.is_on(&key("unaligned.enabled")),
        detail: detail.expect("has a default").parse().expect("was checked"),
    }
}

fn state(from: &Configuration) -> StateOptions {
    // The newer name wins.
    let said = |names: [&str; 2]| {
        let said = names.iter().find(|key| from.is_given(key));
        said.map(|key| from.is_on(key))
    };
    StateOptions {
        backend: match from.text("state.backend.type") {
            Some("lsm" | "rocksdb") => StateBackend::Lsm,
            _ => StateBackend::Hashmap,
        },
        incremental: said(["execution.checkpointing.incremental", "state.backend.incremental"])
            .unwrap_or(true),
        local_recovery: said([
            "execution.checkpointing.local-backup.enabled",
            "state.backend.local-recovery",
        ]),
        lsm_dir: from.path("state.backend.lsm.localdir"),
        lsm_memory_bytes: from
            .memory("state.backend.lsm.memory.size")
            .expect("has a default"),
    }
}

fn restart(from: &Configuration) -> Option<RestartStrategy> {
    let kind = from.text("restart-strategy.type")?;
    let key = |leaf: &str| format!("restart-strategy.{kind}.{leaf}");
    let duration = |leaf: &str| from.duration(&key(leaf)).expect("has a default");
    Some(match kind {
        "fixed-delay" => RestartStrategy::FixedDelay {
            attempts: u32::try_from(count(from, &key("attempts"))).expect("was checked"),
            delay: duration("delay"),
        },
        "exponential-delay" => RestartStrategy::ExponentialDelay {
            initial_backoff: duration("initial-backoff"),
            max_backoff: duration("max-backoff"),
            backoff_multiplier: from.float(&key("backoff-multiplier")).expect("has a default"),
            reset_backoff_threshold: duration("reset-backoff-threshold"),
        },
        "failure-rate" => RestartStrategy::FailureRate {
            max_failures_per_interval: usize::try_from(count(from, &key("max-failures-per-interval")))
                .expect("was checked"),
            interval: duration("failure-rate-interval"),
            delay: duration("delay"),
        },
        _ => RestartStrategy::None,
    })
}

fn count(from: &Configuration, key: &str) -> u64 {
    from.count(key).expect("has a default")
}
