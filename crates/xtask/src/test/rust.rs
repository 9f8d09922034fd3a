//! The steps that cargo does.

use std::process::Command;

use crate::step::{Outcome, is_installed, is_watched, run_all};
use crate::{cargo, sim as simulator, workspace};

const SEEDS: &str = "1000";
/// A workspace of its own, as its reader would have it.
const EXAMPLE: &str = "examples/tracing-rust/Cargo.toml";
/// What one build has, so that every step uses it: with fewer packages, cargo would build with fewer features, and again.
const EVERYTHING: [&str; 2] = ["--workspace", "--all-features"];
/// No test binary takes that long; one that does hangs, and has said in which test.
const BINARY_MAX_S: &str = "300";

pub(super) fn fmt() -> Outcome {
    run_all([
        cargo::command(&["fmt", "--all", "--check"]),
        cargo::command(&["fmt", "--check", "--manifest-path", EXAMPLE]),
    ])
}

pub(super) fn clippy() -> Outcome {
    let mut clippy = cargo::command(&["clippy", "--all-targets"]);
    clippy.args(EVERYTHING).args(["--", "-D", "warnings"]);
    run_all([clippy])
}

pub(super) fn unit() -> Outcome {
    run_all([tests(&["--no-fail-fast"])])
}

/// `cargo test` of everything that these arguments leave.
pub(super) fn tests(arguments: &[&str]) -> Command {
    let mut tests = cargo::command(&[]);
    if is_installed("timeout") {
        tests.args([
            "--config",
            &format!("target.'cfg(unix)'.runner = \"{}\"", limit()),
        ]);
    }
    tests.arg("test").args(EVERYTHING).args(arguments);
    tests
}

pub(super) fn sim() -> Outcome {
    if !simulator::exists() {
        return Outcome::Skipped("crates/sim has no binary `sim`".to_owned());
    }
    run_all([
        simulator::build(),
        simulator::command(&["--seeds", SEEDS]),
        simulator::command(&["--jobs", "--seeds", SEEDS]),
    ])
}

/// `timeout(1)` ends a test binary with the processes that it started; at a terminal it leaves them to Ctrl-C.
fn limit() -> String {
    let at_a_terminal = if is_watched() { "--foreground " } else { "" };
    format!("timeout {at_a_terminal}--kill-after=10 {BINARY_MAX_S}")
}

/// The server is killed so often in checkpoints and restores; `unit` does it a few times.
const KILLS: &str = "50";

pub(super) fn kills() -> Outcome {
    let mut kills = tests(&["--test", "checkpoints", "kills"]);
    kills.env("CHECKPOINT_KILLS", KILLS);
    run_all([kills])
}

/// One build, because its packages share nearly everything.
pub(super) fn build() -> Outcome {
    let mut build = cargo::command(&["build"]);
    build
        .args(simulator::RELEASE)
        .args(["--package", "stories-service"]);
    run_all([build])
}

/// Not optimized: it is called a few times.
pub(super) fn example() -> Outcome {
    let mut build = cargo::command(&["build", "--locked", "--manifest-path", EXAMPLE]);
    build
        .env("CARGO_TARGET_DIR", workspace::tools().join("rust-example"))
        .env("CARGO_PROFILE_DEV_DEBUG", "false");
    run_all([build])
}
