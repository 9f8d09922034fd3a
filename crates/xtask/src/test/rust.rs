//! The steps that cargo does.

use std::process::Command;

use crate::step::{Outcome, run_all};
use crate::{sim as simulator, workspace};

const SEEDS: &str = "1000";
/// Rust services, each a workspace of its own, for the stories.
const SERVICES: [&str; 2] = [
    "tests/services/rust/Cargo.toml",
    "examples/tracing-rust/Cargo.toml",
];

pub(super) fn fmt() -> Outcome {
    let services = SERVICES.map(|service| cargo(&["fmt", "--check", "--manifest-path", service]));
    run_all([cargo(&["fmt", "--all", "--check"])].into_iter().chain(services))
}

pub(super) fn clippy() -> Outcome {
    run_all([cargo(&[
        "clippy",
        "--workspace",
        "--all-features",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ])])
}

pub(super) fn unit() -> Outcome {
    run_all([cargo(&[
        "test",
        "--workspace",
        "--all-features",
        "--no-fail-fast",
    ])])
}

pub(super) fn sim() -> Outcome {
    if !simulator::exists() {
        return Outcome::Skipped("crates/sim has no binary `sim`".to_owned());
    }
    let seeds = ["--seeds".to_owned(), SEEDS.to_owned()];
    let jobs = [&["--jobs".to_owned()], &seeds[..]].concat();
    run_all([simulator::command(&seeds), simulator::command(&jobs)])
}

/// The server is killed so often in checkpoints and restores; `unit` does it a few times.
const KILLS: &str = "50";

pub(super) fn kills() -> Outcome {
    let mut kills = cargo(&["test", "--package", "everspan", "--test", "checkpoints", "kills"]);
    kills.env("CHECKPOINT_KILLS", KILLS);
    run_all([kills])
}

pub(super) fn build() -> Outcome {
    run_all([cargo(&["build", "--release", "--package", "everspan"])])
}

/// The Rust services share a build folder, which is not that of the workspace.
pub(super) fn services() -> Outcome {
    run_all(SERVICES.map(|service| {
        let mut build = cargo(&["build", "--release", "--locked", "--manifest-path", service]);
        build.env("CARGO_TARGET_DIR", workspace::tools().join("rust-service"));
        build
    }))
}

pub(super) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).current_dir(workspace::root());
    command
}
