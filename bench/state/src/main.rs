//! What checkpoints of keyed state move, what they cost the work that goes on, and how long a restore takes.
//!
//! ```text
//! bench-state                  1,000,000 keys of 200 bytes on both backends; writes docs/BENCHMARKS.md
//! bench-state --print          prints only
//! bench-state --keys 100000    fewer keys; prints only
//! ```
//!
//! Everything is on one disk: the state, the copies on this host (hard links), and the store, a directory that
//! syncs what is put into it.

#[path = "../../spans/src/clock.rs"]
mod clock;
#[path = "../../spans/src/document.rs"]
mod document;
mod heap;
mod keyed;
mod lsm;
#[path = "../../spans/src/machine.rs"]
mod machine;
mod measure;
mod places;
mod report;

use std::process::ExitCode;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const KEYS: u64 = 1_000_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        [] => run(KEYS, true),
        ["--print"] => run(KEYS, false),
        ["--keys", keys] => count(keys).and_then(|keys| run(keys, false)),
        _ => Err(format!(
            "unknown arguments `{}`: use [--print] [--keys N]",
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

fn count(text: &str) -> Result<u64> {
    let keys = text
        .parse()
        .ok()
        .filter(|keys| (1000..=100_000_000).contains(keys));
    keys.ok_or_else(|| format!("--keys is `{text}`, expected 1000 to 100000000").into())
}

fn run(keys: u64, writes: bool) -> Result<()> {
    let machine = machine::describe();
    let measured = [
        measure::run::<lsm::Lsm>("LSM", keys)?,
        measure::run::<heap::Heap>("heap, incremental", keys)?,
    ];
    let text = report::text(&machine, keys, &measured);
    println!("{text}");
    if writes {
        document::write("state", &text)
    } else {
        Ok(())
    }
}
