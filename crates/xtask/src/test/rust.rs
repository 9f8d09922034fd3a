//! The steps that cargo does.

use std::process::Command;

use crate::step::{Outcome, run_all};
use crate::{sim as simulator, workspace};

const SEEDS: &str = "1000";
const STORY_SERVICE: &str = "tests/services/rust/Cargo.toml";

pub(super) fn fmt() -> Outcome {
    run_all([
        cargo(&["fmt", "--all", "--check"]),
        cargo(&["fmt", "--check", "--manifest-path", STORY_SERVICE]),
    ])
}

pub(super) fn clippy() -> Outcome {
    run_all([cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ])])
}

pub(super) fn unit() -> Outcome {
    run_all([cargo(&["test", "--workspace", "--no-fail-fast"])])
}

pub(super) fn sim() -> Outcome {
    if !simulator::exists() {
        return Outcome::Skipped("crates/sim has no binary `sim`".to_owned());
    }
    run_all([simulator::command(&["--seeds".to_owned(), SEEDS.to_owned()])])
}

pub(super) fn build() -> Outcome {
    run_all([cargo(&["build", "--release", "--package", "everspan"])])
}

/// The Rust story service is a workspace of its own, with a build folder of its own.
pub(super) fn services() -> Outcome {
    let mut build = cargo(&["build", "--release", "--locked", "--manifest-path", STORY_SERVICE]);
    build.env("CARGO_TARGET_DIR", workspace::tools().join("rust-service"));
    run_all([build])
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).current_dir(workspace::root());
    command
}
