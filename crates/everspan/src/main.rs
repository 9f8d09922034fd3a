//! The `everspan` binary: reads the command line and does what it says.

use std::process::ExitCode;

use clap::Parser;
use everspan::cli::{Cli, Command};
use everspan::{demo, run};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if let Some(port) = demo_service_port() {
        return demo::serve(port);
    }
    match Cli::parse().into_command() {
        Command::Server(args) => run::server(&args),
        Command::Demo(args) => run::demo(&args),
        Command::Deployments(args) => run::deployments(&args),
        Command::Invocations(args) => run::invocations(&args),
        Command::Checkpoint(args) => run::checkpoint(&args),
        Command::Savepoint(args) => run::savepoint(&args),
        Command::Restore(args) => run::restore(&args),
    }
}

/// The port in `everspan demo-service --port N`. The demo starts this by itself, so it has no place among the commands
/// that are offered to people.
fn demo_service_port() -> Option<u16> {
    let arguments: Vec<String> = std::env::args().skip(1).take(4).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [demo::SERVICE_COMMAND, demo::PORT_FLAG, port] => port.parse().ok(),
        _ => None,
    }
}
