//! Checkpoints in S3: a server that speaks it, installed apart from the other tools, and the tests that need it.

use std::path::PathBuf;

use super::rust::cargo;
use super::stories::command;
use crate::step::{Outcome, is_installed, run_all};
use crate::workspace;

const REQUIREMENTS: &str = "tests/s3/requirements.txt";

pub(super) fn s3() -> Outcome {
    if !is_installed("python3") {
        return Outcome::Skipped("no python3 on this machine: no S3 server".to_owned());
    }
    match install() {
        Outcome::Failed(reason) => Outcome::Skipped(format!("moto cannot be installed: {reason}")),
        Outcome::Skipped(reason) => Outcome::Skipped(reason),
        Outcome::Done => {
            let tests = [("everspan-state", "s3"), ("everspan", "checkpoints")];
            run_all(tests.map(|(package, test)| {
                let mut tests = cargo(&["test", "-p", package, "--test", test, "--", "--ignored"]);
                tests.env("EVERSPAN_S3_PYTHON", python());
                tests
            }))
        }
    }
}

fn install() -> Outcome {
    let mut commands = Vec::new();
    if !python().exists() {
        let mut venv = command("python3");
        venv.args(["-m", "venv"]).arg(home());
        commands.push(venv);
    }
    let mut packages = command(python());
    packages.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
        REQUIREMENTS,
    ]);
    commands.push(packages);
    run_all(commands)
}

fn home() -> PathBuf {
    workspace::tools().join("s3")
}

fn python() -> PathBuf {
    home().join("bin/python")
}
