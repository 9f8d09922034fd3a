//! `everspan server`: configuration, log, server, until a signal says stop.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use everspan_export::sender_process::SenderProcess;
use everspan_trace::Factories;

use crate::cli::ServerArgs;
use crate::config::{Config, ConfigError, LogFormat, Settings};
use crate::server::{Server, ServerError};

/// The server starts `everspan span-sender DIR` by itself, one for each `otlp` reporter.
pub const SENDER_COMMAND: &str = "span-sender";

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
    let code = runtime.block_on(run(&config));
    // What still runs, such as a name look-up that hangs, must not keep the process.
    runtime.shutdown_background();
    code
}

async fn run(config: &Config) -> ExitCode {
    // Before anything else: a signal that comes while the server starts stops it in order as well.
    let signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => {
            tracing::error!(%error, "signals cannot be received");
            return ExitCode::FAILURE;
        }
    };
    let started = Server::start_with(config, &Factories::default(), sender_process().as_ref()).await;
    let server = match started {
        Ok(server) => server,
        Err(error) => {
            let why = explain(&error.to_string(), config);
            tracing::error!(error = %why, "the server does not start");
            eprintln!("everspan: {why}");
            return match error {
                ServerError::Usage(_) => ExitCode::from(ConfigError::EXIT_CODE),
                ServerError::Failed(_) => ExitCode::FAILURE,
            };
        }
    };
    tracing::info!(
        ingress = %server.ingress_address,
        admin = %server.admin_address,
        data = %config.base_dir.display(),
        reporters = reporters(config),
        "Everspan {} is up",
        env!("CARGO_PKG_VERSION")
    );
    signals.stop().await;
    tracing::info!("stopping");
    server.stop().await;
    tracing::info!("stopped");
    ExitCode::SUCCESS
}

/// This program. By its name only where there is no other way: another version may lie there by the time a process is
/// started.
fn sender_process() -> Option<SenderProcess> {
    let running = Some(PathBuf::from("/proc/self/exe")).filter(|path| path.exists());
    Some(SenderProcess {
        program: running.or_else(|| std::env::current_exe().ok())?,
        name: "everspan".into(),
        arguments: vec![SENDER_COMMAND.into()],
    })
}

/// The names of the reporters that are on.
fn reporters(config: &Config) -> String {
    let names = config.tracing.reporters.iter();
    let names: Vec<&str> = names.map(|reporter| reporter.name.as_str()).collect();
    if names.is_empty() {
        return "none".to_owned();
    }
    names.join(", ")
}

/// The error, and what to do where its own text does not say so.
fn explain(error: &str, config: &Config) -> String {
    if error.contains("is locked") || error.contains("in use by another process") {
        return format!(
            "another server uses the data directory {}: stop it, or choose another base-dir ({error})",
            config.base_dir.display()
        );
    }
    error.to_owned()
}

/// SIGTERM and SIGINT, received from its creation on.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Returns when one of them has come.
    pub(crate) async fn stop(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
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
    ExitCode::from(ConfigError::EXIT_CODE)
}
