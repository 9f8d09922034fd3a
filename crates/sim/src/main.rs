//! `sim --seed N [--trace]` runs one seed, `sim --seeds N [--start S]` many; with `--jobs` of stream jobs instead of the
//! server; exit code 1 on a violation.

#![allow(clippy::print_stdout, reason = "it is a command line program")]

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
    let outcome = match (arguments.jobs, arguments.seed) {
        (false, Some(seed)) => one(seed, arguments.trace),
        (false, None) => many(arguments.start, arguments.seeds),
        (true, Some(seed)) if arguments.crash_everywhere => crash_everywhere(seed),
        (true, Some(seed)) => one_job(seed, arguments.trace),
        (true, None) => many_jobs(arguments.start, arguments.seeds),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(violation) => {
            show(&violation);
            ExitCode::FAILURE
        }
    }
}

fn one(seed: u64, trace: bool) -> Result<(), Box<Violation>> {
    let first = run(seed, None, trace)?;
    let second = run(seed, None, false)?;
    println!("seed {seed}: {first:?}");
    same(seed, &first, &second)
}

fn one_job(seed: u64, trace: bool) -> Result<(), Box<Violation>> {
    let first = jobs::run(seed, None, None, trace)?;
    let second = jobs::run(seed, None, None, false)?;
    println!("seed {seed}: {first:?}");
    same(seed, &first, &second)
}

fn same<R: PartialEq + std::fmt::Debug>(seed: u64, first: &R, second: &R) -> Result<(), Box<Violation>> {
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

fn many_jobs(start: u64, seeds: u64) -> Result<(), Box<Violation>> {
    let mut total = jobs::Report::default();
    for (done, seed) in (1..).zip(start..start + seeds) {
        total += jobs::run(seed, None, None, false)?;
        if done % 100 == 0 || done == seeds {
            let jobs::Report {
                steps,
                crashes,
                runs,
                checkpoints,
                savepoints,
                unaligned,
                rescales,
                results,
                ..
            } = total;
            println!(
                "{done} seeds of jobs from {start}: {steps} moves, {crashes} crashes, {runs} runs, {rescales} rescaled, \
                 {checkpoints} checkpoints ({savepoints} savepoints, {unaligned} unaligned), {results} results, no violation"
            );
        }
    }
    Ok(())
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

fn many(start: u64, seeds: u64) -> Result<(), Box<Violation>> {
    let mut total = [0; 7];
    for (done, seed) in (1..).zip(start..start + seeds) {
        let report = run(seed, None, false)?;
        add(&mut total, &report);
        if done % 100 == 0 || done == seeds {
            let [
                steps,
                crashes,
                invocations,
                side_effects,
                checkpoints,
                restores,
                passed_over,
            ] = total;
            println!(
                "{done} seeds from {start}: {steps} steps, {crashes} crashes, {invocations} invocations, \
                 {side_effects} side effects, {checkpoints} checkpoints, {restores} restores past {passed_over} damaged, no violation"
            );
        }
    }
    Ok(())
}

fn add(total: &mut [u64; 7], report: &Report) {
    let Report {
        steps,
        crashes,
        invocations,
        side_effects,
        checkpoints,
        restores,
        passed_over,
        ..
    } = report;
    let values = [
        steps,
        crashes,
        invocations,
        side_effects,
        checkpoints,
        restores,
        passed_over,
    ];
    for (sum, value) in total.iter_mut().zip(values) {
        *sum += value;
    }
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
