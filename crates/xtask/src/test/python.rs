//! Python environments below `target/tools`, one for each purpose.

use std::path::PathBuf;
use std::process::Command;

use super::stories::command;
use crate::step::{Outcome, is_installed, run_all};
use crate::workspace;

/// Installs some 200 packages in seconds, where pip takes minutes.
const UV: &str = "uv==0.13.9";
const UV_HOME: &str = "uv";

/// The interpreter of an environment.
pub(super) fn python(environment: &str) -> PathBuf {
    workspace::tools().join(environment).join("bin/python")
}

/// Installs what these files name in an environment, made if it is not there.
pub(super) fn install(environment: &str, requirements: &[&str]) -> Outcome {
    if !is_installed("python3") {
        return Outcome::Skipped("no python3 on this machine".to_owned());
    }
    match run_all([new(environment)].into_iter().flatten()) {
        Outcome::Done => {}
        failed => return failed,
    }
    match run_all(with_uv(environment, requirements)) {
        Outcome::Failed(reason) => {
            println!("pip instead of uv: {reason}");
            run_all([pip(environment, &named(requirements))])
        }
        outcome => outcome,
    }
}

/// The command that makes it, if it is not there.
fn new(environment: &str) -> Option<Command> {
    let mut venv = command("python3");
    venv.args(["-m", "venv"])
        .arg(workspace::tools().join(environment));
    (!python(environment).exists()).then_some(venv)
}

fn with_uv(environment: &str, requirements: &[&str]) -> Vec<Command> {
    let mut commands: Vec<Command> = new(UV_HOME).into_iter().collect();
    commands.push(pip(UV_HOME, &[UV]));
    let mut uv = command(python(UV_HOME));
    uv.args(["-m", "uv", "pip", "install", "--quiet", "--python"])
        .arg(python(environment))
        .args(named(requirements));
    commands.push(uv);
    commands
}

fn pip(environment: &str, what: &[&str]) -> Command {
    let mut pip = command(python(environment));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args(what);
    pip
}

fn named<'a>(requirements: &[&'a str]) -> Vec<&'a str> {
    requirements.iter().flat_map(|file| ["-r", *file]).collect()
}
