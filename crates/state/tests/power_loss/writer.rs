//! The process whose system calls are recorded: a state is created, written, dropped with batches that were
//! never flushed, opened again and written on.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use everspan_state::{Backend, Compacting, LsmBackend, LsmOptions, LsmShared, OpenError, Owner};

use crate::script::{Random, apply_next};

/// The writer says on its standard output, in one write, what it has been promised.
pub(crate) const PROMISE: &str = "durable up to ";

const DIR: &str = "EVERSPAN_POWER_DIR";
/// How many flushes each life has, one life after the other.
const FLUSHES: &str = "EVERSPAN_POWER_FLUSHES";
const COMPACTION_MAX: Duration = Duration::from_secs(20);

/// How long the writer lives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lives {
    /// Long enough to compact, and once more.
    Two,
    /// One flush.
    Short,
}

/// The state lies two directories deep, so that creating it has to make both entries durable.
pub(crate) fn state_dir(root: &Path) -> PathBuf {
    root.join("node/partition-5")
}

/// Tables so small that a few flushes compact through more than one level.
pub(crate) fn options(shared: LsmShared) -> LsmOptions {
    let owner = Owner {
        partition: 5,
        partitions: 8,
        cluster: "power".to_owned(),
    };
    LsmOptions {
        l0_tables_max: 2,
        table_bytes: 8 << 10,
        ..LsmOptions::new(shared, owner)
    }
}

/// The recorded process, started by the tests below: not a test of its own.
#[test]
#[ignore = "is run under strace"]
fn writer() {
    let dir = state_dir(Path::new(&std::env::var_os(DIR).unwrap()));
    let flushes = std::env::var(FLUSHES).unwrap();
    for (life, flushes) in (1..).zip(flushes.split(' ')) {
        live(&dir, life, flushes.parse().unwrap()).unwrap();
    }
}

fn live(dir: &Path, life: u64, flushes: u64) -> Result<(), OpenError> {
    let shared = LsmShared::start(1 << 20, 64).unwrap();
    let mut options = options(shared);
    // Each life compacts in its way.
    if life > 1 {
        options.compacting = Compacting::FewRewrites;
    }
    let mut state = LsmBackend::open(dir, options)?;
    promise(state.applied());
    let mut random = Random(life);
    for flush in 1..=flushes {
        apply(&mut state, 1 + random.below(6));
        promise(state.flush().unwrap());
        if flush % 3 == 0 {
            await_compaction(&state);
        }
    }
    apply(&mut state, 3);
    Ok(())
}

fn apply(state: &mut LsmBackend, batches: u64) {
    for _ in 0..batches {
        apply_next(state);
    }
}

fn promise(position: u64) {
    let line = format!("\n{PROMISE}{position}\n");
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}

/// Most compactions run while the next flush does; a few get the disk for themselves.
fn await_compaction(state: &LsmBackend) {
    let start = Instant::now();
    while state.counters().compactions == 0 || state.counters().l0_tables >= 2 {
        assert!(
            start.elapsed() < COMPACTION_MAX,
            "no compaction within {COMPACTION_MAX:?}"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Runs the writer in `root` under `tracer`, a command that takes the writer's behind its arguments.
pub(crate) fn run(mut tracer: Command, root: &Path, lives: Lives) -> std::io::Result<Output> {
    tracer
        .arg(std::env::current_exe()?)
        .args(["--exact", "writer::writer", "--ignored", "--nocapture"])
        .env(DIR, root)
        .env(FLUSHES, if lives == Lives::Short { "1" } else { "6 6" })
        .stdin(Stdio::null())
        .output()
}
