//! What goes wrong while a job runs is told with operator and subtask, and costs no record.

use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::job::{Fault, Job, Place, until};
use crate::state;
use everspan_stream::{JobOptions, JobState, RestartStrategy, StateBackend};

const BACKENDS: [StateBackend; 2] = [StateBackend::Hashmap, StateBackend::Lsm];

fn checkpointed(place: &Place) -> JobOptions {
    let dir = place.checkpoints().display().to_string();
    let mut options = JobOptions::checkpointing(dir, Duration::from_millis(10));
    options.checkpoints.tolerable_failures = None;
    options
}

#[test]
fn a_record_that_cannot_be_parsed_or_makes_a_function_panic_stops_the_job_and_is_processed_once_when_that_is_mended()
 {
    for (fault, reason) in [
        (Fault::Refuses, "operator `parse`: no line 3001 wanted"),
        (Fault::Panics, "operator `parse`: panicked at "),
    ] {
        let place = Place::new();
        let options = JobOptions {
            restart: Some(RestartStrategy::FixedDelay {
                attempts: 2,
                delay: Duration::from_millis(1),
            }),
            ..checkpointed(&place)
        };
        let faulty = Job {
            fault: Some(fault),
            ..Job::with(2)
        };
        let handle = faulty.start(&place, options);
        let control = handle.control();
        let error = handle.wait().expect_err("the line comes again").to_string();
        assert!(error.starts_with("subtask Source: "), "{error}");
        assert!(error.contains("parse"), "{error}");
        assert!(error.contains("/2) failed: "), "{error}");
        assert!(error.contains(reason), "{error}");
        assert!(error.ends_with("no line 3001 wanted"), "{error}");
        assert_eq!(control.status().restarts, 2);
        assert_eq!(control.status().last_failure, Some(error));

        Job::with(2).run(&place, checkpointed(&place));
        place.check();
    }
}

#[test]
fn state_of_another_type_is_refused_with_operator_and_state_and_the_old_program_goes_on() {
    let place = Place::new();
    let handle = Job::held(2).start(&place, checkpointed(&place));
    let control = handle.control();
    until(|| control.status().state == JobState::Running, &handle);
    control.savepoint().expect("a running job has savepoints");
    control.cancel();
    handle.wait().expect("a cancelled job has not failed");

    let wide = Job {
        has_wide_counts: true,
        ..Job::with(2)
    };
    // By the default strategy a job is restarted for ever.
    let handle = wide.start(&place, checkpointed(&place));
    let control = handle.control();
    let error = handle.wait().expect_err("a u32 is no u64").to_string();
    let words = "operator `MapWithState` (uid `counts`): the state `count` holds u32 version 1 by alloc::string::String \
                 in the checkpoint, the program says u64 version 1 by alloc::string::String";
    assert!(error.contains(words), "{error}");
    assert_eq!(control.status().restarts, 0);
    Job::with(2).run(&place, checkpointed(&place));
    place.check();
}

#[test]
fn a_store_that_is_away_for_a_while_fails_checkpoints_and_costs_nothing() {
    BACKENDS.into_iter().for_each(away_for_a_while);
}

fn away_for_a_while(backend: StateBackend) {
    let place = Place::new();
    let job = Job::held(2);
    let mut options = checkpointed(&place);
    options.state = state(backend);
    let handle = job.start(&place, options);
    let control = handle.control();
    let store = place.checkpoints();
    until(|| control.status().checkpoints.counts().completed > 0, &handle);
    let aside = store.with_extension("aside");
    block(&store, &aside);
    until(|| control.status().checkpoints.counts().failed > 0, &handle);
    fs::remove_file(&store).expect("a file stands in the way");
    fs::rename(&aside, &store).expect("the store comes back");
    job.release();
    handle.wait().expect("failed checkpoints are tolerated");
    place.check();
}

#[test]
fn a_store_that_is_away_when_a_job_restarts_is_waited_for_and_costs_nothing() {
    let cases = BACKENDS.map(|backend| [(true, backend), (false, backend)]);
    for (is_in_the_way, backend) in cases.into_iter().flatten() {
        let place = Place::new();
        let job = Job::held(2);
        let mut options = JobOptions {
            restart: Some(RestartStrategy::FixedDelay {
                attempts: u32::MAX,
                delay: Duration::from_millis(2),
            }),
            ..checkpointed(&place)
        };
        options.state = state(backend);
        // On demand only: nobody writes to the store meanwhile.
        options.checkpoints.interval = None;
        options.store.retry.tries_max = 1;
        let handle = job.start(&place, options);
        let control = handle.control();
        until(|| control.status().state == JobState::Running, &handle);
        let made = if is_in_the_way {
            control.savepoint()
        } else {
            control.checkpoint()
        };
        made.expect("a running job makes checkpoints");

        let store = place.checkpoints();
        let aside = store.with_extension("aside");
        fs::rename(&store, &aside).expect("the store is there");
        if is_in_the_way {
            fs::write(&store, "").expect("a file stands in the way");
        }
        job.is_to_panic.store(true, Ordering::Release);
        let last_failure = || control.status().last_failure.unwrap_or_default();
        let away = ["the checkpoint store failed", "the store is away"];
        until(
            || away.iter().any(|words| last_failure().contains(words)),
            &handle,
        );

        if is_in_the_way {
            fs::remove_file(&store).expect("a file stands in the way");
        }
        fs::rename(&aside, &store).expect("the store comes back");
        job.release();
        handle.wait().expect("the store is back");
        place.check();
    }
}

/// Puts a file where the store's directory is, which may be made anew in between.
fn block(store: &Path, aside: &Path) {
    fs::rename(store, aside).expect("the store is there");
    for number in 0.. {
        if fs::write(store, "").is_ok() {
            return;
        }
        // An upload that was under way has made it.
        drop(fs::rename(store, store.with_extension(format!("made-{number}"))));
    }
}
