//! What a span costs who makes it, and the whole process that sends it: Everspan's way out beside that of the
//! OpenTelemetry SDK, in one run.
//!
//! ```text
//! bench-spans                  both, three rounds; writes docs/BENCHMARKS.md
//! bench-spans --print          prints only
//! bench-spans --rounds 1       fewer rounds
//! ```
//!
//! Every measurement is a process of its own, with a receiver of its own, which is another process:
//!
//! ```text
//!  bench-spans ──┬── bench-spans receive                 counts what arrives
//!                └── bench-spans measure SYSTEM PHASE    makes spans, tells figures
//! ```

mod clock;
mod document;
mod machine;
mod ours;
mod phase;
mod receive;
mod report;
mod round;
mod source;
mod system;
mod theirs;

use std::process::ExitCode;

use phase::Phase;
use round::Round;
use system::Name;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["receive"] => receive::run(),
        ["measure", system, phase, endpoint] => measure(system, phase, endpoint),
        [] => compare(3, true),
        ["--print"] => compare(3, false),
        ["--rounds", rounds] => count(rounds).and_then(|rounds| compare(rounds, true)),
        ["--print", "--rounds", rounds] => count(rounds).and_then(|rounds| compare(rounds, false)),
        _ => Err(format!(
            "unknown arguments `{}`: use [--print] [--rounds N]",
            words.join(" ")
        )
        .into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn count(text: &str) -> Result<usize> {
    let rounds = text.parse().ok().filter(|rounds| (1..=100).contains(rounds));
    rounds.ok_or_else(|| format!("--rounds is `{text}`, expected 1 to 100").into())
}

/// Runs in the process that is measured.
fn measure(system: &str, phase: &str, endpoint: &str) -> Result<()> {
    let phase: Phase = phase.parse()?;
    match system.parse()? {
        Name::Ours => phase.run(ours::Ours::start(endpoint)?),
        Name::Theirs => {
            let queue_max = (phase == Phase::Flood).then_some(phase::FLOOD_QUEUE_MAX);
            phase.run(theirs::Theirs::start(endpoint, queue_max)?)
        }
    }
}

fn compare(rounds: usize, writes: bool) -> Result<()> {
    let machine = machine::describe();
    let mut measured = Vec::new();
    for number in 0..rounds {
        eprintln!("round {} of {rounds}", number + 1);
        measured.push(Round::measure(number)?);
    }
    let text = report::text(&machine, &measured);
    println!("{text}");
    if writes { document::write("spans", &text) } else { Ok(()) }
}
