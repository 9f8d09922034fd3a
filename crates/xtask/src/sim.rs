//! Forwards to the simulator, built in release mode.

use std::ffi::OsStr;
use std::process::Command;

use crate::{cargo, workspace};

/// Whether the workspace has the simulator's binary.
pub(crate) fn exists() -> bool {
    let sim = workspace::root().join("crates/sim");
    let manifest = std::fs::read_to_string(sim.join("Cargo.toml")).unwrap_or_default();
    manifest.contains("[[bin]]") || sim.join("src/main.rs").exists() || sim.join("src/bin/sim.rs").exists()
}

/// The packages of a release build. The simulator is built with the features of the server, so that they share what
/// they depend on.
pub(crate) const RELEASE: [&str; 5] = ["--release", "--package", "everspan", "--package", "everspan-sim"];

/// The command that builds the simulator.
pub(crate) fn build() -> Command {
    let mut build = cargo::command(&["build"]);
    build.args(RELEASE).args(["--bin", "sim"]);
    build
}

/// The command that runs the simulator, once built, with these arguments.
pub(crate) fn command(arguments: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new(workspace::target().join("release/sim"));
    command.args(arguments).current_dir(workspace::root());
    command
}

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    if !exists() {
        return Err("crates/sim has no binary `sim`".to_owned());
    }
    for mut command in [build(), command(arguments)] {
        match command.status() {
            Ok(status) if status.success() => {}
            Ok(status) => return Err(format!("the simulator ended with {status}")),
            Err(error) => return Err(format!("the simulator did not start: {error}")),
        }
    }
    Ok(())
}
