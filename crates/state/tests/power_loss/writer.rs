//! The process whose system calls are recorded: a state is created, written, dropped with batches that were
//! never flushed, opened again and written on.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use everspan_state::{Backend, LsmBackend, LsmOptions, LsmShared, OpenError, Owner};

use crate::script::{Random, apply_next};

/// The writer says on its standard output, in one write, what it has been promised.
pub(crate) const PROMISE: &str = "durable up to ";

const DIR: &str = "EVERSPAN_POWER_DIR";
const FLUSHES_PER_LIFE: u64 = 6;
const COMPACTION_MAX: Duration = Duration::from_secs(20);

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
    live(&dir, 1).unwrap();
    live(&dir, 2).unwrap();
}

fn live(dir: &Path, life: u64) -> Result<(), OpenError> {
    let shared = LsmShared::start(1 << 20, 64).unwrap();
    let mut state = LsmBackend::open(dir, options(shared))?;
    promise(state.applied());
    let mut random = Random(life);
    for flush in 1..=FLUSHES_PER_LIFE {
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

/// Runs the writer in `root` under `tracer`, a command line that takes the writer's behind it.
pub(crate) fn run(root: &Path, tracer: &[&OsStr]) -> std::io::Result<Output> {
    Command::new(tracer[0])
        .args(&tracer[1..])
        .arg(std::env::current_exe()?)
        .args(["--exact", "writer::writer", "--ignored", "--nocapture"])
        .env(DIR, root)
        .stdin(Stdio::null())
        .output()
}
