//! One job, run in every way in which a job can be interrupted, against one golden result: files that hold every count
//! of every word exactly once.

#[allow(clippy::unwrap_used, reason = "a test")]
#[path = "../../everspan/tests/world/disk.rs"]
mod disk;
mod golden {
    mod failures;
    mod full_disk;
    pub(crate) mod held;
    pub(crate) mod job;
    mod places;
}

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use everspan_stream::{JobOptions, JobState, Start, StateBackend, StateOptions};
use golden::job::{Job, Place, until};

/// How often a job is killed.
const KILLS: u32 = 20;

/// How checkpoints are made and where state is.
#[derive(Clone, Copy, Debug)]
struct Way {
    unaligned: bool,
    backend: StateBackend,
}

const WAYS: [Way; 4] = [
    Way::new(false, StateBackend::Hashmap),
    Way::new(true, StateBackend::Hashmap),
    Way::new(false, StateBackend::Lsm),
    Way::new(true, StateBackend::Lsm),
];

impl Way {
    const fn new(unaligned: bool, backend: StateBackend) -> Self {
        Self { unaligned, backend }
    }
}

fn checkpointed(place: &Place, way: Way) -> JobOptions {
    let dir = place.checkpoints().display().to_string();
    let mut options = JobOptions::checkpointing(dir, Duration::from_millis(50));
    options.checkpoints.unaligned = way.unaligned;
    options.state = state(way.backend);
    options.local_dir = Some(place.work());
    // A loaded machine may let one pass that another is waiting for.
    options.checkpoints.tolerable_failures = None;
    options
}

/// Too little memory for all words, where that matters.
fn state(backend: StateBackend) -> StateOptions {
    StateOptions {
        backend,
        lsm_memory_bytes: 8 << 10,
        ..StateOptions::default()
    }
}

#[test]
fn without_checkpoints_and_with_one_every_50_ms_the_files_are_the_same() {
    for parallelism in [1, 3] {
        for backend in [StateBackend::Hashmap, StateBackend::Lsm] {
            let place = Place::new();
            let options = JobOptions {
                state: state(backend),
                ..JobOptions::default()
            };
            Job::with(parallelism).run(&place, options);
            place.check();
        }
        for way in WAYS {
            let place = Place::new();
            Job::with(parallelism).run(&place, checkpointed(&place, way));
            place.check();
        }
    }
}

#[test]
fn a_job_that_goes_from_one_subtask_to_four_to_two_by_savepoints_counts_every_word_once() {
    for way in WAYS {
        let place = Place::new();
        let mut from = Start::Fresh;
        for parallelism in [1, 4] {
            let options = JobOptions {
                start: from,
                ..checkpointed(&place, way)
            };
            let handle = Job::held(parallelism).start(&place, options);
            let control = handle.control();
            until(|| control.status().state == JobState::Running, &handle);
            let savepoint = control
                .stop_with_savepoint()
                .expect("a running job has savepoints");
            handle.wait().expect("the savepoint ends the job");
            from = Start::From(savepoint);
        }
        let options = JobOptions {
            start: from,
            ..checkpointed(&place, way)
        };
        Job::with(2).run(&place, options);
        place.check();
    }
}

#[test]
fn a_job_killed_at_random_moments_and_restored_counts_every_word_once_aligned() {
    killed(0);
}

#[test]
fn a_job_killed_at_random_moments_and_restored_counts_every_word_once_unaligned() {
    killed(1);
}

#[test]
fn a_job_with_state_on_disk_killed_at_random_moments_counts_every_word_once_aligned() {
    killed(2);
}

#[test]
fn a_job_with_state_on_disk_killed_at_random_moments_counts_every_word_once_unaligned() {
    killed(3);
}

fn killed(way: usize) {
    let place = Place::new();
    for number in 0..KILLS {
        let mut child = spawn(place.dir(), way);
        // Any moment will do: what is checked is true of each.
        std::thread::sleep(Duration::from_millis(u64::from(number * 37 % 20) * 15));
        child.kill().expect("a child can be killed");
        child.wait().expect("a killed child ends");
    }
    let orphans = place.leave_orphans();
    Job::with(2).run(&place, checkpointed(&place, WAYS[way]));
    place.check();
    assert_eq!(
        place.unnamed_of(&orphans),
        Vec::<PathBuf>::new(),
        "left in the store by those that were killed"
    );
    // Goes on from a checkpoint for certain, and with another number of subtasks.
    Job::with(1).run(&place, checkpointed(&place, WAYS[way]));
    place.check();
    assert_eq!(
        place.hidden(),
        Vec::<String>::new(),
        "left by those that were killed"
    );
    let work = std::fs::read_dir(place.work()).expect("the jobs worked there");
    assert_eq!(work.count(), 0, "left by those that were killed");
}

const DIR: &str = "EVERSPAN_GOLDEN_DIR";
const WAY: &str = "EVERSPAN_GOLDEN_WAY";

/// This test program once more, to be killed.
fn spawn(dir: &Path, way: usize) -> Child {
    Command::new(std::env::current_exe().expect("a test program has a path"))
        .args(["--ignored", "--exact", "child"])
        .env(DIR, dir)
        .env(WAY, way.to_string())
        .stdout(Stdio::null())
        .spawn()
        .expect("a test program can be run")
}

#[test]
#[ignore = "what the tests that kill a process run in it"]
fn child() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let place = Place::in_dir(dir.into());
    let way = std::env::var(WAY).expect("a child is told the way");
    let way: usize = way.parse().expect("a way is a number");
    Job::held(2).run(&place, checkpointed(&place, WAYS[way]));
}
