//! Checkpoints in S3: a server that speaks it, installed apart from the other tools, and the tests that need it.

use super::python;
use super::rust::tests;
use crate::step::{Outcome, run_all};

const ENVIRONMENT: &str = "s3";
const REQUIREMENTS: &str = "tests/s3/requirements.txt";

pub(super) fn s3() -> Outcome {
    match python::install(ENVIRONMENT, &[REQUIREMENTS]) {
        Outcome::Failed(reason) => Outcome::Skipped(format!("moto cannot be installed: {reason}")),
        Outcome::Skipped(reason) => Outcome::Skipped(format!("{reason}: no S3 server")),
        Outcome::Done => {
            let mut tests = tests(&["--test", "s3", "--test", "checkpoints", "--", "--ignored"]);
            tests.env("EVERSPAN_S3_PYTHON", python::python(ENVIRONMENT));
            run_all([tests])
        }
    }
}
