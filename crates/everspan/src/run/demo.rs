//! `everspan demo`: see `crate::demo`.

use std::io::IsTerminal;
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use super::server::Signals;
use crate::cli::DemoArgs;
use crate::demo;

/// Runs the demo; with `--exit` it leaves after the traces, else at SIGTERM or SIGINT.
pub fn demo(args: &DemoArgs) -> ExitCode {
    start_log();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("everspan: {error}");
            return ExitCode::FAILURE;
        }
    };
    let told = runtime.block_on(async {
        let signals = Signals::new().map_err(|error| error.to_string())?;
        demo::run(args, signals.stop())
            .await
            .map_err(|error| error.to_string())
    });
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\neverspan: the demo ends early: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The story tells what happens; of the server's log only errors, unless `RUST_LOG` asks for more.
fn start_log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    if let Err(error) = builder.compact().try_init() {
        eprintln!("everspan: no log: {error}");
    }
}
