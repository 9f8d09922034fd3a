//! The repository's own commands, run as `cargo xtask …`.
//!
//! Depends on nothing but std, so that it builds in seconds on a fresh machine.
#![allow(clippy::print_stdout, reason = "a command line tool talks on stdout")]

mod cargo;
mod sim;
mod step;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask test [--only a,b] [--skip a,b]   everything: see `cargo xtask test --list`
cargo xtask tidy                             the repository's rules: arrows, sizes, names, links, docs
cargo xtask sim --seed N | --seeds N [...]   the simulator";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rest = arguments.get(1..).unwrap_or_default();
    let result = match arguments.first().map(String::as_str) {
        Some("test") => test::run(rest),
        Some("tidy") => tidy::run(),
        Some("sim") => sim::run(rest),
        Some("help" | "--help" | "-h") => {
            println!("{USAGE}");
            Ok(())
        }
        Some(other) => Err(format!("unknown command `{other}`\n{USAGE}")),
        None => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
