//! Stream jobs in a simulated world, driven by one seed in one thread.
//!
//! ```text
//!   source subtasks ─► channels ─► keyed subtasks ─► channels ─► sink subtasks ─► files, made visible by commits
//!        ▲ orders                                        │ snapshots, ended
//!        └────────── the run: master, coordinator ◄──────┴──► work at the store, one request a move
//! ```
//!
//! The job is a real one ([`SteppedJob`](everspan_stream::SteppedJob)): each move is a turn of one subtask, one message
//! to the run, one request to the store, or a step of the run itself, and the seed decides which is next, when the
//! clock jumps, which subtasks are starved so that channels fill up, and what fails: requests to the store, functions of
//! users, sources, commits, and the whole process at any move. Somebody asks for checkpoints and savepoints, stops the
//! job and starts it with another parallelism.
//!
//! Of a process that dies only the store and the files of the sinks are left. At the end these have each result that a
//! plain loop over the input has, exactly once.

mod checker;
mod functions;
mod input;
mod late;
mod lives;
mod outside;
mod plan;
mod programs;
mod settings;
mod sink;
mod spans;
mod world;

use crate::run::{Violation, judge};
use world::World;

/// A bug put into the outside of a job on purpose, to see that the checker can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// A source's place in a checkpoint is some records behind what it has sent.
    SourceForgets,
    /// A sink commits when it is asked to prepare.
    CommitsAtTheBarrier,
}

/// What a run without a violation did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Moves made.
    pub steps: u64,
    /// Times the whole process died.
    pub crashes: u64,
    /// Runs of jobs, restarts included.
    pub runs: u64,
    /// Checkpoints that completed.
    pub checkpoints: u64,
    /// Of them savepoints.
    pub savepoints: u64,
    /// Of all, those whose barriers overtook data.
    pub unaligned: u64,
    /// Starts with another parallelism than before.
    pub rescales: u64,
    /// Runs of jobs whose state is on disk.
    pub runs_on_disk: u64,
    /// Results that became visible.
    pub results: u64,
    /// A hash of everything that happened, in order.
    pub trace: u64,
}

impl std::ops::AddAssign for Report {
    fn add_assign(&mut self, other: Self) {
        self.steps += other.steps;
        self.crashes += other.crashes;
        self.runs += other.runs;
        self.checkpoints += other.checkpoints;
        self.savepoints += other.savepoints;
        self.unaligned += other.unaligned;
        self.rescales += other.rescales;
        self.runs_on_disk += other.runs_on_disk;
        self.results += other.results;
        self.trace ^= other.trace;
    }
}

/// Runs a seed; with `trace` every move is printed to standard error. The process dies at move `crash_at` in addition to
/// what the seed does.
///
/// # Errors
///
/// The first thing that must never be true and was.
pub fn run(
    seed: u64,
    mutation: Option<Mutation>,
    crash_at: Option<u64>,
    trace: bool,
) -> Result<Report, Box<Violation>> {
    judge(seed, World::new(seed, mutation, crash_at, trace))
}
