//! `sim --seed N [--trace]` runs one seed, `sim --seeds N [--start S]` many; with `--jobs` of stream jobs instead of the
//! server; exit code 1 on a violation.

#![allow(clippy::print_stdout, reason = "it is a command line program")]

use std::fmt::Debug;
use std::ops::{AddAssign, Range};
use std::process::ExitCode;

use clap::Parser;
use everspan_sim::{Report, Violation, jobs, run};

/// The server core, or stream jobs, in a simulated world.
#[derive(Parser)]
struct Arguments {
    /// Stream jobs.
    #[arg(long)]
    jobs: bool,
    /// Run this seed, twice, and compare.
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Print every step of the seed.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Run so many seeds.
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    start: u64,
    /// Of the seed of a job: run it once for each of its moves, and die at that move.
    #[arg(long, requires_all = ["seed", "jobs"])]
    crash_everywhere: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    std::panic::set_hook(Box::new(|_| {}));
    let seeds = arguments.start..arguments.start + arguments.seeds;
    let server = |seed, trace| run(seed, None, trace);
    let job = |seed, trace| jobs::run(seed, None, None, trace);
    let outcome = match (arguments.jobs, arguments.seed) {
        (false, Some(seed)) => one(seed, |trace| server(seed, trace), arguments.trace),
        (false, None) => many(seeds, |seed| server(seed, false), told),
        (true, Some(seed)) if arguments.crash_everywhere => crash_everywhere(seed),
        (true, Some(seed)) => one(seed, |trace| job(seed, trace), arguments.trace),
        (true, None) => many(seeds, |seed| job(seed, false), told_of_jobs),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(violation) => {
            show(&violation);
            ExitCode::FAILURE
        }
    }
}

/// Runs a seed twice, and compares.
fn one<R: PartialEq + Debug>(
    seed: u64,
    run: impl Fn(bool) -> Result<R, Box<Violation>>,
    trace: bool,
) -> Result<(), Box<Violation>> {
    let first = run(trace)?;
    let second = run(false)?;
    println!("seed {seed}: {first:?}");
    if first == second {
        return Ok(());
    }
    Err(Box::new(Violation {
        seed,
        step: 0,
        message: format!("the same seed did something else the second time: {second:?}"),
        events: Vec::new(),
    }))
}

/// Runs seeds, and tells now and then what they did.
fn many<R: Default + AddAssign>(
    seeds: Range<u64>,
    run: impl Fn(u64) -> Result<R, Box<Violation>>,
    told: impl Fn(&R) -> String,
) -> Result<(), Box<Violation>> {
    let mut total = R::default();
    for (done, seed) in (1..).zip(seeds.clone()) {
        total += run(seed)?;
        if done % 100 == 0 || seed + 1 == seeds.end {
            println!(
                "{done} seeds from {}: {}, no violation",
                seeds.start,
                told(&total)
            );
        }
    }
    Ok(())
}

fn told(total: &Report) -> String {
    let Report {
        steps,
        crashes,
        invocations,
        side_effects,
        checkpoints,
        restores,
        passed_over,
        ..
    } = total;
    format!(
        "{steps} steps, {crashes} crashes, {invocations} invocations, {side_effects} side effects, \
         {checkpoints} checkpoints, {restores} restores past {passed_over} damaged"
    )
}

fn told_of_jobs(total: &jobs::Report) -> String {
    let jobs::Report {
        steps,
        crashes,
        runs,
        runs_on_disk,
        checkpoints,
        savepoints,
        unaligned,
        rescales,
        results,
        ..
    } = total;
    format!(
        "{steps} moves of jobs, {crashes} crashes, {runs} runs ({runs_on_disk} on disk), {rescales} rescaled, \
         {checkpoints} checkpoints ({savepoints} savepoints, {unaligned} unaligned), {results} results"
    )
}

fn crash_everywhere(seed: u64) -> Result<(), Box<Violation>> {
    let moves = jobs::run(seed, None, None, false)?.steps;
    for at in 1..=moves {
        jobs::run(seed, None, Some(at), false).map_err(|mut violation| {
            violation.message = format!("dying at move {at}: {}", violation.message);
            violation
        })?;
    }
    println!("seed {seed}: died at each of {moves} moves, no violation");
    Ok(())
}

fn show(violation: &Violation) {
    for event in &violation.events {
        println!("{event}");
    }
    let Violation {
        seed, step, message, ..
    } = violation;
    println!("seed {seed} step {step}: VIOLATION: {message}");
}
