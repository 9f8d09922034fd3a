//! `everspan server`: configuration, log, server, until a signal says stop.

use std::io::IsTerminal;
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::cli::ServerArgs;
use crate::config::{Config, LogFormat, Settings};
use crate::server::Server;

/// Runs the server until SIGTERM or SIGINT.
pub fn server(args: &ServerArgs) -> ExitCode {
    let settings = match Settings::load(&args.config, std::env::vars_os()) {
        Ok(settings) => settings,
        Err(error) => return usage(&error),
    };
    if args.dump_config {
        return dump(&settings);
    }
    let config = settings.config();
    if let Err(error) = start_log(&config) {
        return usage(&error);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "the runtime does not start");
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(run(&config))
}

async fn run(config: &Config) -> ExitCode {
    let server = match Server::start(config).await {
        Ok(server) => server,
        Err(error) => {
            let why = explain(&error.to_string(), config);
            tracing::error!(error = %why, "the server does not start");
            eprintln!("everspan: {why}");
            return ExitCode::FAILURE;
        }
    };
    tracing::info!(
        ingress = %server.ingress_address,
        admin = %server.admin_address,
        data = %config.base_dir.display(),
        traces = config.tracing.services().map_or("off".to_owned(), ToString::to_string),
        "Everspan {} is up",
        env!("CARGO_PKG_VERSION")
    );
    wait_for_signal().await;
    tracing::info!("stopping");
    server.stop().await;
    tracing::info!("stopped");
    ExitCode::SUCCESS
}

/// The error, and what to do where its own text does not say so.
fn explain(error: &str, config: &Config) -> String {
    if error.contains("is locked") {
        return format!(
            "another server uses the data directory {}: stop it, or choose another base-dir ({error})",
            config.base_dir.display()
        );
    }
    error.to_owned()
}

/// Returns at SIGTERM or SIGINT.
pub(super) async fn wait_for_signal() {
    match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        (Err(error), _) | (_, Err(error)) => {
            tracing::error!(%error, "signals cannot be received");
            std::future::pending::<()>().await;
        }
    }
}

fn start_log(config: &Config) -> Result<(), String> {
    let filter = EnvFilter::try_new(&config.log_filter)
        .map_err(|error| format!("log-filter = {:?}: {error}", config.log_filter))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let started = match config.log_format {
        LogFormat::Pretty => builder.pretty().try_init(),
        LogFormat::Compact => builder.compact().try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    started.map_err(|error| error.to_string())
}

#[allow(clippy::print_stdout, reason = "the dump is what the user asked for")]
fn dump(settings: &Settings) -> ExitCode {
    print!("{}", settings.dump());
    ExitCode::SUCCESS
}

fn usage(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("everspan: {error}");
    ExitCode::from(2)
}
