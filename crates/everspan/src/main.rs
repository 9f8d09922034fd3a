//! The `everspan` binary: reads the command line and does what it says.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use everspan::cli::{Cli, Command};
use everspan::{demo, run};
use everspan_export::sender_process;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if let Some(port) = demo_service_port() {
        return demo::serve(port);
    }
    if let Some(dir) = sender_dir() {
        return sender_process::serve(&dir);
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

/// The directory in `everspan span-sender DIR`, which the server starts by itself.
fn sender_dir() -> Option<PathBuf> {
    let mut arguments = std::env::args_os().skip(1);
    let is_sender = arguments.next()? == run::SENDER_COMMAND;
    arguments.next().filter(|_| is_sender).map(PathBuf::from)
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
