//! One seed from its first step to its last check.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::settings::Mutation;
use crate::world::World;

/// What a run without a violation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Steps taken.
    pub steps: u64,
    /// Crashes of the whole process.
    pub crashes: u64,
    /// Invocations that ended.
    pub invocations: u64,
    /// Side effects executed by services.
    pub side_effects: u64,
    /// Checkpoints that completed.
    pub checkpoints: u64,
    /// Restores from a checkpoint.
    pub restores: u64,
    /// Newer checkpoints that they passed over because a file was damaged.
    pub passed_over: u64,
    /// A hash of everything that happened, in order.
    pub trace: u64,
    /// A hash of all state at the end.
    pub state: u128,
}

/// Something that must never be true was.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The seed.
    pub seed: u64,
    /// The step at which it showed.
    pub step: u64,
    /// The sentence that was believed, and the values.
    pub message: String,
    /// The last things that happened, oldest first.
    pub events: Vec<String>,
}

/// Runs a seed; with `trace` every step is printed to standard error.
pub fn run(seed: u64, mutation: Option<Mutation>, trace: bool) -> Result<Report, Box<Violation>> {
    let mut world = World::new(seed, mutation, trace);
    match catch_unwind(AssertUnwindSafe(|| world.run())) {
        Ok(report) => Ok(report),
        Err(panic) => Err(Box::new(Violation {
            seed,
            step: world.steps(),
            message: text(panic.as_ref()),
            events: world.events(),
        })),
    }
}

pub(crate) fn text(panic: &(dyn std::any::Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<String>() {
        return text.clone();
    }
    let text = panic.downcast_ref::<&str>();
    text.map_or_else(|| "a panic without words".to_owned(), |text| (*text).to_owned())
}
