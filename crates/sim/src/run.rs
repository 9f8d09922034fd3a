//! One seed from its first step to its last check.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::settings::Mutation;
use crate::world::World;

/// A world that a seed decides about.
pub(crate) trait Simulated {
    /// What a run without a violation did.
    type Report;

    /// From the first step to the last check; panics at what must not be.
    fn run(&mut self) -> Self::Report;

    /// Steps so far.
    fn steps(&self) -> u64;

    /// The last things that happened, oldest first.
    fn events(&self) -> Vec<String>;
}

/// What a run without a violation did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

impl std::ops::AddAssign for Report {
    fn add_assign(&mut self, other: Self) {
        self.steps += other.steps;
        self.crashes += other.crashes;
        self.invocations += other.invocations;
        self.side_effects += other.side_effects;
        self.checkpoints += other.checkpoints;
        self.restores += other.restores;
        self.passed_over += other.passed_over;
        self.trace ^= other.trace;
        self.state ^= other.state;
    }
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
    judge(seed, World::new(seed, mutation, trace))
}

/// Runs a world; a panic in it is what must never be true and was.
pub(crate) fn judge<W: Simulated>(seed: u64, mut world: W) -> Result<W::Report, Box<Violation>> {
    catch_unwind(AssertUnwindSafe(|| world.run())).map_err(|panic| {
        Box::new(Violation {
            seed,
            step: world.steps(),
            message: text(panic.as_ref()),
            events: world.events(),
        })
    })
}

fn text(panic: &(dyn std::any::Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<String>() {
        return text.clone();
    }
    let text = panic.downcast_ref::<&str>();
    text.map_or_else(|| "a panic without words".to_owned(), |text| (*text).to_owned())
}
