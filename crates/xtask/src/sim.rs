//! Forwards to the simulator, built in release mode.

use std::process::Command;

use crate::workspace;

/// Whether the workspace has the simulator's binary.
pub(crate) fn exists() -> bool {
    let sim = workspace::root().join("crates/sim");
    let manifest = std::fs::read_to_string(sim.join("Cargo.toml")).unwrap_or_default();
    manifest.contains("[[bin]]") || sim.join("src/main.rs").exists() || sim.join("src/bin/sim.rs").exists()
}

/// The command that runs the simulator with these arguments.
pub(crate) fn command(arguments: &[String]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command
        .args([
            "run",
            "--release",
            "--package",
            "everspan-sim",
            "--bin",
            "sim",
            "--",
        ])
        .args(arguments);
    command.current_dir(workspace::root());
    command
}

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    if !exists() {
        return Err("crates/sim has no binary `sim`".to_owned());
    }
    match command(arguments).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("the simulator ended with {status}")),
        Err(error) => Err(format!("the simulator did not start: {error}")),
    }
}
