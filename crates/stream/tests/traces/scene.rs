//! What the jobs go through whose spans are looked at.

use std::fs;
use std::sync::LazyLock;
use std::time::Duration;

use everspan_checkpoint::AbortReason;
use everspan_stream::{JobError, Start, StateOptions};

use super::ahead::{Ahead, Behind, Latch};
use super::functions::{Locked, Look};
use super::job::{Spans, Task, counting, options, restarts, told, until_records};
use crate::collector::Collector;
use crate::paced::Paced;

/// A job with aligned checkpoints by interval fails once, goes on, and ends with its input.
pub(super) static RECOVERED: LazyLock<Collector> = LazyLock::new(|| told(recovered).0);
/// A job with a savepoint goes from 1 to 4 to 2 subtasks; with the bytes of the manifest of its first savepoint.
pub(super) static RESCALED: LazyLock<(Collector, u64)> =
    LazyLock::new(|| told(|spans| rescaled(&spans, StateOptions::default())));
/// The same with state on disk.
pub(super) static ON_DISK: LazyLock<(Collector, u64)> =
    LazyLock::new(|| told(|spans| rescaled(&spans, StateOptions::lsm())));
/// A job fails behind a checkpoint whose barrier overtook records, and goes on with them.
pub(super) static OVERTAKEN: LazyLock<Collector> = LazyLock::new(|| told(overtaken).0);
/// Checkpoints that fail, and jobs that do not start.
pub(super) static FAILED: LazyLock<Collector> = LazyLock::new(|| told(failed).0);

/// Every scene.
pub(super) fn scenes() -> [&'static Collector; 5] {
    [&RECOVERED, &RESCALED.0, &ON_DISK.0, &OVERTAKEN, &FAILED]
}

/// Whether its jobs go on from savepoints, not after failures.
pub(super) fn is_rescaled(collector: &Collector) -> bool {
    [&RESCALED.0, &ON_DISK.0]
        .iter()
        .any(|one| one.url == collector.url)
}

fn recovered(spans: Spans) {
    let dir = tempfile::tempdir().unwrap();
    let look = Look::failing_at(3601);
    let env = counting(Paced::new(5000, 500), 2, look, &Latch::opened());
    let mut options = options(dir.path(), &spans);
    options.checkpoints.interval = Some(Duration::from_millis(5));
    options.restart = restarts(1);
    env.execute_with("recovered", options).unwrap();
}

fn rescaled(spans: &Spans, state: StateOptions) -> u64 {
    const STEP: u64 = 6000;
    let dir = tempfile::tempdir().unwrap();
    let mut start = Start::Fresh;
    for (parallelism, pause_at) in [(1, STEP), (4, 2 * STEP), (2, u64::MAX)] {
        let source = Paced::new(3 * STEP, usize::MAX).pausing_at(pause_at);
        let env = counting(source, parallelism, Look::never_failing(), &Latch::opened());
        let mut options = options(dir.path(), spans);
        options.state = state.clone();
        options.start = start.clone();
        options.store.inline_below = 0;
        let job = env.start("rescaled", options).unwrap();
        let control = job.control();
        if pause_at != u64::MAX {
            until_records(&control, Task::Count, STEP);
            if start == Start::Fresh {
                control.savepoint().unwrap();
            }
            start = Start::From(control.stop_with_savepoint().unwrap());
        }
        assert!(!job.wait().unwrap().cancelled);
    }
    let manifest = dir.path().join("checkpoints/00000000000000000001.manifest");
    fs::metadata(manifest).unwrap().len()
}

fn overtaken(spans: Spans) {
    let (dir, latch) = (tempfile::tempdir().unwrap(), Latch::default());
    // More than one batch.
    let last = 2500;
    let behind = Behind::Opens(latch.clone());
    let env = counting(Ahead { last, behind }, 1, Look::failing_at(last), &latch);
    let mut options = options(dir.path(), &spans);
    options.checkpoints.unaligned = true;
    options.restart = restarts(1);
    let job = env.start("overtaken", options).unwrap();
    until_records(&job.control(), Task::Numbers, last);
    // The first batch is held by the latch, the others wait behind it.
    until_records(&job.control(), Task::Count, 1);
    job.control().checkpoint().unwrap();
    job.wait().unwrap();
}

fn failed(spans: Spans) {
    expired(&spans);
    not_stored(&spans);
    failing_with_the_job(&spans);
    absent(&spans);
    not_opened(&spans);
}

/// A barrier waits behind records until the checkpoint's time is over.
fn expired(spans: &Spans) {
    let (dir, latch) = (tempfile::tempdir().unwrap(), Latch::default());
    let source = Paced::new(100, usize::MAX).pausing_at(50);
    let env = counting(source, 1, Look::never_failing(), &latch);
    let mut options = options(dir.path(), spans);
    options.checkpoints.timeout = Duration::from_millis(50);
    options.checkpoints.tolerable_failures = None;
    let job = env.start("expired", options).unwrap();
    until_records(&job.control(), Task::Numbers, 50);
    assert_eq!(job.control().checkpoint(), Err(AbortReason::Expired));
    latch.open();
    job.control().cancel();
    assert!(job.wait().unwrap().cancelled);
}

/// There is a file where the store has a directory.
fn not_stored(spans: &Spans) {
    let dir = tempfile::tempdir().unwrap();
    let source = Paced::new(100, usize::MAX).pausing_at(50);
    let env = counting(source, 1, Look::never_failing(), &Latch::opened());
    let mut options = options(dir.path(), spans);
    options.checkpoints.tolerable_failures = None;
    options.store.retry.tries_max = 1;
    let job = env.start("not stored", options).unwrap();
    until_records(&job.control(), Task::Count, 50);
    fs::write(dir.path().join("checkpoints"), b"").unwrap();
    let made = job.control().checkpoint();
    assert!(matches!(made, Err(AbortReason::Store(_))), "{made:?}");
    job.control().cancel();
    assert!(job.wait().unwrap().cancelled);
}

/// The job fails while a barrier waits behind records.
fn failing_with_the_job(spans: &Spans) {
    let (dir, latch) = (tempfile::tempdir().unwrap(), Latch::default());
    let (last, behind) = (50, Behind::GoesOn);
    let env = counting(Ahead { last, behind }, 1, Look::failing_at(last), &latch);
    let job = env.start("failing", options(dir.path(), spans)).unwrap();
    until_records(&job.control(), Task::Numbers, last);
    let made = job.control().checkpoint();
    latch.open();
    assert!(matches!(made, Err(AbortReason::JobFailed(_))), "{made:?}");
    let ended = job.wait();
    assert!(matches!(ended, Err(JobError::Failed { .. })), "{ended:?}");
}

/// The job is to begin with a checkpoint that is not there.
fn absent(spans: &Spans) {
    let dir = tempfile::tempdir().unwrap();
    let env = counting(Paced::new(100, 100), 1, Look::never_failing(), &Latch::opened());
    let mut options = options(dir.path(), spans);
    options.start = Start::From(7);
    let ended = env.execute_with("absent", options);
    assert!(matches!(ended, Err(JobError::Unrestorable(_))), "{ended:?}");
}

/// A function does not open.
fn not_opened(spans: &Spans) {
    let dir = tempfile::tempdir().unwrap();
    let env = counting(Paced::new(100, 100), 1, Locked, &Latch::opened());
    let ended = env.execute_with("not opened", options(dir.path(), spans));
    assert!(matches!(ended, Err(JobError::Failed { .. })), "{ended:?}");
}
