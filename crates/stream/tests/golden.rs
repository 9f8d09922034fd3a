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
}

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use everspan_stream::{JobOptions, JobState, Start};
use golden::job::{Job, Place, until};

/// How often a job is killed.
const KILLS: u32 = 20;

fn checkpointed(place: &Place, unaligned: bool) -> JobOptions {
    let dir = place.checkpoints().display().to_string();
    let mut options = JobOptions::checkpointing(dir, Duration::from_millis(50));
    options.checkpoints.unaligned = unaligned;
    // A loaded machine may let one pass that another is waiting for.
    options.checkpoints.tolerable_failures = None;
    options
}

#[test]
fn without_checkpoints_and_with_one_every_50_ms_the_files_are_the_same() {
    for parallelism in [1, 3] {
        let place = Place::new();
        Job::with(parallelism).run(&place, JobOptions::default());
        place.check();
        for unaligned in [false, true] {
            let place = Place::new();
            Job::with(parallelism).run(&place, checkpointed(&place, unaligned));
            place.check();
        }
    }
}

#[test]
fn a_job_that_goes_from_one_subtask_to_four_to_two_by_savepoints_counts_every_word_once() {
    for unaligned in [false, true] {
        let place = Place::new();
        let mut from = Start::Fresh;
        for parallelism in [1, 4] {
            let options = JobOptions {
                start: from,
                ..checkpointed(&place, unaligned)
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
            ..checkpointed(&place, unaligned)
        };
        Job::with(2).run(&place, options);
        place.check();
    }
}

#[test]
fn a_job_killed_at_random_moments_and_restored_counts_every_word_once_aligned() {
    killed(false);
}

#[test]
fn a_job_killed_at_random_moments_and_restored_counts_every_word_once_unaligned() {
    killed(true);
}

fn killed(unaligned: bool) {
    let place = Place::new();
    for number in 0..KILLS {
        let mut child = spawn(place.dir(), unaligned);
        // Any moment will do: what is checked is true of each.
        std::thread::sleep(Duration::from_millis(u64::from(number * 37 % 20) * 15));
        child.kill().expect("a child can be killed");
        child.wait().expect("a killed child ends");
    }
    Job::with(2).run(&place, checkpointed(&place, unaligned));
    place.check();
}

const DIR: &str = "EVERSPAN_GOLDEN_DIR";
const UNALIGNED: &str = "EVERSPAN_GOLDEN_UNALIGNED";

/// This test program once more, to be killed.
fn spawn(dir: &Path, unaligned: bool) -> Child {
    Command::new(std::env::current_exe().expect("a test program has a path"))
        .args(["--ignored", "--exact", "child"])
        .env(DIR, dir)
        .env(UNALIGNED, unaligned.to_string())
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
    let unaligned = std::env::var(UNALIGNED).is_ok_and(|text| text == "true");
    Job::held(2).run(&place, checkpointed(&place, unaligned));
}
