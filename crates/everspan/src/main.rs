//! The `everspan` binary: reads the command line and does what it says.

use std::process::ExitCode;

use clap::Parser;
use everspan::cli::{Cli, Command};
use everspan::run;

fn main() -> ExitCode {
    match Cli::parse().into_command() {
        Command::Server(args) => run::server(&args),
        _ => ExitCode::from(2),
    }
}
