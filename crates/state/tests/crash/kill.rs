//! A writer in a process of its own is killed at random moments, again and again.

use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use everspan_state::{Backend, MemoryBackend};
use tempfile::TempDir;

use crate::script::{Random, apply_next, check, open};

const DIR: &str = "EVERSPAN_CRASH_DIR";
const SEED: &str = "EVERSPAN_CRASH_SEED";
const LOOPS: &str = "EVERSPAN_CRASH_LOOPS";

/// The writer, started by the test below: not a test of its own.
#[test]
#[ignore = "runs until it is killed"]
fn writer() {
    let dir = std::env::var(DIR).unwrap();
    let seed = std::env::var(SEED).unwrap().parse().unwrap();
    write_until_killed(Path::new(&dir), seed);
}

fn write_until_killed(dir: &Path, seed: u64) {
    let mut random = Random(seed);
    loop {
        let mut state = open(dir, random.next()).unwrap();
        for _ in 0..5 + random.below(40) {
            for _ in 0..5 + random.below(50) {
                apply_next(&mut state);
            }
            let persisted = state.flush().unwrap();
            // One write, so that the reader never sees half a line.
            std::io::stdout()
                .write_all(format!("\npersisted {persisted}\n").as_bytes())
                .unwrap();
        }
    }
}

/// Runs the writer for `lifetime`, kills it and returns the last position it called durable.
fn run_and_kill(dir: &Path, seed: u64, lifetime: Duration) -> u64 {
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::writer", "--ignored", "--nocapture"])
        .env(DIR, dir)
        .env(SEED, seed.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(lifetime);
    let ended = writer.try_wait().unwrap();
    writer.kill().unwrap();
    let said = io::read_to_string(writer.stderr.take().unwrap()).unwrap();
    assert!(ended.is_none(), "the writer ended by itself: {said}");
    writer.wait().unwrap();
    BufReader::new(writer.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap)
        .filter_map(|line| line.strip_prefix("persisted ")?.parse().ok())
        .last()
        .unwrap_or(0)
}

fn lifetime(random: &mut Random) -> Duration {
    let milliseconds = match random.below(5) {
        0 => random.below(20),
        _ => random.below(250),
    };
    Duration::from_micros(milliseconds * 1000 + random.below(1000))
}

#[test]
fn a_killed_state_opens_at_a_commit_not_older_than_its_last_flush() {
    let loops: u64 = std::env::var(LOOPS).map_or(25, |loops| loops.parse().unwrap());
    let dir = TempDir::new().unwrap();
    let mut random = Random(u64::from(std::process::id()));
    let mut model = MemoryBackend::new();
    for number in 0..loops {
        let seed = random.next();
        let marked = run_and_kill(dir.path(), seed, lifetime(&mut random));
        let state = open(dir.path(), seed).unwrap();
        let what = format!("kill {number}, seed {seed}");
        assert!(state.applied() >= marked, "{what}: lost a flush");
        check(&state, &mut model, &what);
    }
    assert!(model.applied() > 0, "some writer came as far as a flush");
}
