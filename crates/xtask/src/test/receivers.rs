//! Programs that people keep traces in, installed apart from the other tools because they are large, and their stories.

use std::path::PathBuf;

use super::stories::{command, pytest};
use crate::step::{Outcome, is_installed, run_all};
use crate::workspace;

/// Installs some 200 packages in seconds, where pip takes minutes.
const INSTALLER: &str = "uv==0.13.9";
const REQUIREMENTS: &str = "tests/stories/requirements-receivers.txt";

pub(super) fn receivers() -> Outcome {
    if !is_installed("python3") {
        return Outcome::Skipped("no python3 on this machine: no stories".to_owned());
    }
    match install() {
        Outcome::Failed(reason) => {
            Outcome::Skipped(format!("phoenix and mlflow cannot be installed: {reason}"))
        }
        Outcome::Skipped(reason) => Outcome::Skipped(reason),
        Outcome::Done => pytest(&["-m", "receivers"]),
    }
}

fn install() -> Outcome {
    let mut commands = Vec::new();
    if !python().exists() {
        let mut venv = command("python3");
        venv.args(["-m", "venv"]).arg(home());
        commands.push(venv);
    }
    let mut installer = command(python());
    installer.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        INSTALLER,
    ]);
    let mut packages = command(python());
    packages.args(["-m", "uv", "pip", "install", "--quiet", "--python"]);
    packages.arg(python()).args(["-r", REQUIREMENTS]);
    commands.extend([installer, packages]);
    run_all(commands)
}

fn home() -> PathBuf {
    workspace::tools().join("receivers")
}

fn python() -> PathBuf {
    home().join("bin/python")
}
