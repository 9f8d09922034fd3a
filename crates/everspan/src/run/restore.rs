//! `everspan restore`: an empty data directory filled from a checkpoint.

use std::process::ExitCode;

use super::screen;
use crate::checkpoints::{restore, store_settings};
use crate::cli::RestoreArgs;
use crate::config::{Config, ConfigError};

/// Fills the data directory of the configuration.
pub fn restore(args: &RestoreArgs) -> ExitCode {
    let config = match Config::load(&args.config, std::env::vars_os()) {
        Ok(config) => config,
        Err(error) => return mistake(&error.to_string()),
    };
    let Some(from) = args.from.as_ref().or(config.checkpoint.destination.as_ref()) else {
        return mistake("where from? Name the checkpoints with --from, or set checkpoint.destination");
    };
    let asked = restore::Asked {
        from: from.clone(),
        checkpoint: args.checkpoint,
        base_dir: config.base_dir.clone(),
        settings: store_settings(std::env::vars_os(), config.checkpoint.settings()),
        silence_timeout: config.checkpoint.silence_timeout,
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.to_string()),
    };
    let restored = runtime.block_on(restore::restore(&asked));
    // A read that hangs must not keep the process.
    runtime.shutdown_background();
    match restored {
        Ok(done) => screen::write(&done.to_string())
            .map_or_else(|error| failed(&error.to_string()), |()| ExitCode::SUCCESS),
        Err(restore::RestoreError::Mistake(why)) => mistake(&why),
        Err(restore::RestoreError::Failed(why)) => failed(&why),
    }
}

fn mistake(why: &str) -> ExitCode {
    eprintln!("everspan: {why}");
    ExitCode::from(ConfigError::EXIT_CODE)
}

fn failed(why: &str) -> ExitCode {
    eprintln!("everspan: {why}");
    ExitCode::FAILURE
}
