//! Checkpoints in the server: from the configuration to the running driver.

use std::sync::Arc;

use everspan_checkpoint::Options;
use everspan_state::LocalCopies;
use everspan_state::store::StoreOptions;
use tokio::runtime::Handle;

use super::{ServerError, failed};
use crate::checkpoints::{
    Checkpoints, CheckpointsOptions, Home, RunNote, Start, StartProgress, Surroundings, store_settings,
};
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::worker::Workers;

/// How checkpoints are made, from the configuration; nothing is asked of the destination yet.
pub(super) fn options(config: &Config, data: &DataDir) -> Result<CheckpointsOptions, ServerError> {
    let checkpoint = &config.checkpoint;
    let options = CheckpointsOptions {
        coordinator: Options {
            interval: checkpoint.interval.filter(|_| checkpoint.destination.is_some()),
            min_pause: checkpoint.min_pause,
            timeout: checkpoint.timeout,
            max_concurrent: 1,
            // A server goes on without a checkpoint: its log has everything, and a restart mends no store.
            tolerable_failures: None,
            retained: checkpoint.retained,
            unaligned: false,
            detail: config.tracing.checkpoint_detail,
        },
        destination: checkpoint.destination.clone(),
        store: StoreOptions {
            inline_below: checkpoint.inline_size,
            silence_max: Some(checkpoint.silence_timeout),
            settings: store_settings(std::env::vars_os(), checkpoint.settings()),
            ..StoreOptions::default()
        },
        dir: data.checkpoints(),
        home: Home {
            id: data.id().to_owned(),
            partitions: data.partitions(),
            ancestors: data.ancestors().to_vec(),
            deployments: data.deployments(),
        },
        cluster: config.cluster_name.clone(),
        node: config.node_name.clone(),
    };
    if let Err(error) = options.open_destination() {
        return Err(ServerError::Usage(format!(
            "bad value checkpoint.destination: {error}"
        )));
    }
    Ok(options)
}

/// A run begins: the data directory is ours.
pub(super) fn begin(
    options: &CheckpointsOptions,
    runtime: Handle,
    progress: Arc<StartProgress>,
) -> Result<Start, String> {
    let (note, before) = RunNote::begin(&options.dir).map_err(|error| error.to_string())?;
    let copies = LocalCopies::open(&options.dir).map_err(|error| error.to_string())?;
    Ok(Start::begin(options, note, before, copies, runtime, progress))
}

/// Starts the driver.
pub(super) fn start(
    options: CheckpointsOptions,
    start: Start,
    workers: &Workers,
) -> Result<Checkpoints, ServerError> {
    let with = Surroundings {
        router: workers.router.clone(),
        persisted: workers.persisted.clone(),
        spans: workers.reporters.writer(),
        begun: start.into_run(),
    };
    Checkpoints::start(options, with).map_err(failed)
}

/// The run has ended in order.
pub(super) fn ended(note: RunNote) {
    if let Err(error) = note.ended() {
        tracing::warn!(%error, "the next start will take this end for a crash");
    }
}
