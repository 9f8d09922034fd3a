//! Programs that people keep traces in, installed apart from the other tools because they are large, and their stories.

use super::python;
use super::stories::pytest;
use crate::step::Outcome;

const REQUIREMENTS: &str = "tests/stories/requirements-receivers.txt";

pub(super) fn receivers() -> Outcome {
    match python::install("receivers", &[REQUIREMENTS]) {
        Outcome::Failed(reason) => {
            Outcome::Skipped(format!("phoenix and mlflow cannot be installed: {reason}"))
        }
        Outcome::Skipped(reason) => Outcome::Skipped(format!("{reason}: no stories")),
        Outcome::Done => pytest(&["-m", "receivers"]),
    }
}
